//! New commands: what adapters, rules and processes ask of aggregates.

use super::{aggregate::Command, event::declaration::named};
use crate::{
    Aggregate, CloudEvent, Event, RecordedEvent, Rejection, StreamName, cloudevents,
    record::{
        command::{self, time_of},
        event::raw,
    },
    reserved::is_imported,
    reversal::place,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A command that the domain gives: without key and time, which come from what
/// caused it. It waits on `incoming` and is decided later.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewCommand {
    /// The stream of the aggregate.
    pub stream: StreamName,
    /// Its type, such as `add-product`.
    #[serde(rename = "type")]
    pub command_type: String,
    /// Its data.
    pub data: Value,
}

impl NewCommand {
    /// A command for the aggregate of `id`.
    ///
    /// # Errors
    ///
    /// A rejection where the id is empty, or the command has no JSON.
    pub fn new<C: Command>(id: &str, command: &C) -> Result<Self, Rejection> {
        let category = <<C::Aggregate as Aggregate>::Event as Event>::CATEGORY;
        let (command_type, data) = named(C::NAMING, command)?;
        Ok(Self {
            stream: StreamName::of(category, id)?,
            command_type,
            data,
        })
    }

    /// Checks its data as the door checks what a client sends.
    ///
    /// # Errors
    ///
    /// A refusal that names the field and says what was expected.
    pub fn check(&self) -> Result<(), Rejection> {
        let checked = cloudevents::checked_data(raw(&self.data));
        checked
            .map(drop)
            .map_err(|problem| problem.of("data").as_rejection())
    }

    /// The event by which the command waits, as the `nth` consequence that
    /// `origin` (such as `rule/reminders`) gives for `cause`. Its key depends on
    /// these alone, so giving it again changes nothing.
    ///
    /// # Errors
    ///
    /// When the time of the cause cannot be reckoned with.
    pub fn caused_by(
        self,
        cause: &RecordedEvent,
        origin: &str,
        nth: usize,
    ) -> Result<CloudEvent, Rejection> {
        let id = format!("{origin}/{}/{nth}", place(cause.stream(), cause.version));
        self.received(id, cause, cause.event.causation_depth() + 1)
    }

    /// The event by which the command of this key waits.
    pub(crate) fn received(
        self,
        id: String,
        cause: &RecordedEvent,
        depth: u64,
    ) -> Result<CloudEvent, Rejection> {
        let correlation = cause.event.extension("correlationid");
        let command = command::Command {
            id,
            is_keyed: true,
            stream: self.stream,
            command_type: self.command_type,
            data: raw(&self.data),
            at: time_of(&cause.event.time)?,
            expected: None,
            correlation: Some(correlation.unwrap_or(&cause.event.id).into()),
            causation: Some(place(cause.stream(), cause.version)),
            depth,
            is_imported: is_imported(&cause.event),
        };
        Ok(command.received()?)
    }
}
