//! Reversing one event.

use crate::{
    Error,
    aws::{clock, producer::Stream, publish::Run},
    data_table::data_store::DataStore,
    event_table::{event_store::EventStore, slices},
    history::resolve,
};
use rewind::{
    Batch, Problem, RecordedEvent, Service, StreamName,
    reserved::{CHANGES_CATEGORY, COMMAND_CATEGORY, PROCESS_CATEGORY},
    reversal::{Effect, Reversal, Reversals, place},
};
use schemars::JsonSchema;
use serde::Serialize;

/// The longest reason and the longest name, in bytes.
const MAX_WORDS: usize = 1024;

/// Reverses events of a service.
#[derive(Debug)]
pub struct Reverser {
    pub(super) service: Service,
    pub(super) events: EventStore,
    pub(super) store: DataStore,
    incoming: Stream,
}

/// Which event is to be reversed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its stream.
    pub stream: StreamName,
    /// Its version.
    pub version: u64,
}

/// A reversal that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ReversalAccepted")]
pub struct Accepted {
    /// The id of the event that will be recorded.
    pub id: String,
    /// Its source.
    pub source: String,
    /// Its stream.
    pub stream: StreamName,
    /// The version that it takes back.
    pub reverses: u64,
}

/// Why an event is not reversed.
#[derive(Debug, thiserror::Error)]
pub enum ReverseError {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// A service failed: asking again is harmless.
    #[error(transparent)]
    Service(#[from] Error),
}

impl Reverser {
    /// A reverser that sends reversals to the stream `incoming`.
    pub fn new(service: Service, events: EventStore, store: DataStore, incoming: Stream) -> Self {
        Self {
            service,
            events,
            store,
            incoming,
        }
    }

    /// Takes an event back: its reversal is on its way into the events table
    /// when this returns. Asking twice is asking once.
    ///
    /// # Errors
    ///
    /// A problem when there is no such event, it is reversed already, or
    /// nobody says why or who.
    pub async fn reverse(
        &self,
        named: &Named,
        reason: &str,
        by: &str,
    ) -> Result<Accepted, ReverseError> {
        for (field, words) in [("reason", reason), ("by", by)] {
            if words.trim().is_empty() || words.len() > MAX_WORDS {
                let why =
                    format!("expected 1 to {MAX_WORDS} bytes: a reversal says why and by whom");
                return Err(Problem::invalid(field, why).into());
            }
        }
        let (event, reversals) = self.find(named).await?;
        let reversal = Reversal {
            version: named.version,
            source: event.event.source.clone(),
            id: event.event.id.clone(),
            reason: reason.to_string(),
            by: by.to_string(),
        };
        let nth = reversals.times(named.version);
        let event = reversal.event(&event, nth, clock::now().to_string());
        let packed = Batch::encode(std::slice::from_ref(&event));
        let run = Run::new(event.stream.as_str(), packed);
        let published = self.incoming.publish(vec![run]).await;
        if let Some(reason) = published.into_iter().find_map(|run| run.refused) {
            let operation = "PutRecords";
            return Err(Error::Service { operation, reason }.into());
        }
        Ok(Accepted {
            id: event.id,
            source: event.source,
            stream: event.stream,
            reverses: named.version,
        })
    }

    /// The event, and the reversals of its stream.
    pub(super) async fn find(
        &self,
        named: &Named,
    ) -> Result<(RecordedEvent, Reversals), ReverseError> {
        let Named { stream, version } = named;
        let category = stream.category();
        if category == COMMAND_CATEGORY
            || category.starts_with(PROCESS_CATEGORY)
            || category.starts_with(CHANGES_CATEGORY)
        {
            let why = "what became of a command or of a row, and what a process has done, stays so: reverse the event that it is about";
            return Err(Problem::invalid("stream", why).into());
        }
        if stream.as_str() == slices::STREAM {
            let why = "partitions are raised and never lowered: commits lie in them";
            return Err(Problem::invalid("stream", why).into());
        }
        let reversals = resolve::reversals(&self.events, stream, 0, u64::MAX).await?;
        let event = self.event(stream, *version).await?;
        if let Some(by) = reversals.by(*version) {
            let why = format!(
                "{} is reversed already, by version {by}; reverse that one to restore it",
                place(stream, *version)
            );
            return Err(Problem::new(409, "reversed-already", why).into());
        }
        let mut supposed = reversals.clone();
        supposed.suppose(*version);
        if let Some(Effect::Nothing(root)) = supposed.effect(u64::MAX) {
            let why = format!(
                "it would change nothing: another reversal of {} stands, reverse that one",
                place(stream, root)
            );
            return Err(Problem::new(409, "nothing-to-reverse", why).into());
        }
        Ok((event, reversals))
    }

    pub(super) async fn event(
        &self,
        stream: &StreamName,
        version: u64,
    ) -> Result<RecordedEvent, ReverseError> {
        let not_found = || {
            let place = place(stream, version);
            Problem::not_found(format!("there is no event {place}"))
        };
        let event = self.events.event(stream, version).await?;
        Ok(event.ok_or_else(not_found)?)
    }
}
