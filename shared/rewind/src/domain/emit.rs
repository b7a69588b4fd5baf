//! What adapters and rules emit: events, commands, or both.

use super::{
    aggregate::Command, nested::take_apart_if_too_deep, new_command::NewCommand,
    new_event::NewEvent,
};
use crate::{CloudEvent, Event, RecordedEvent, Rejection};

/// What an adapter or a rule emits, where it emits events and commands.
#[derive(Debug, Clone, PartialEq)]
pub enum Emit {
    /// An event, for a category that no aggregate decides about.
    Event(NewEvent),
    /// A command, for one that an aggregate decides about.
    Command(NewCommand),
}

impl Emit {
    /// An event for the stream of `id` in the event's category.
    ///
    /// # Errors
    ///
    /// See [`NewEvent::new`].
    pub fn event<E: Event>(id: &str, event: &E) -> Result<Self, Rejection> {
        NewEvent::new(id, event).map(Self::Event)
    }

    /// A command for the aggregate of `id`.
    ///
    /// # Errors
    ///
    /// See [`NewCommand::new`].
    pub fn command<C: Command>(id: &str, command: &C) -> Result<Self, Rejection> {
        NewCommand::new(id, command).map(Self::Command)
    }

    /// Checks what the domain gave as the door checks what a client sends.
    ///
    /// # Errors
    ///
    /// A refusal that names the field and says what was expected.
    pub fn check(&self) -> Result<(), Rejection> {
        match self {
            Self::Event(event) => event.check(),
            Self::Command(command) => command.check(),
        }
    }

    /// What is recorded for it, as the `nth` consequence of its cause.
    pub(crate) fn caused_by(
        self,
        cause: &RecordedEvent,
        origin: &str,
        nth: usize,
    ) -> Result<CloudEvent, Rejection> {
        match self {
            Self::Event(event) => Ok(event.caused_by(cause, origin, nth)),
            Self::Command(command) => command.caused_by(cause, origin, nth),
        }
    }

    /// What it is, for a rejection.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Command(_) => "command",
        }
    }

    /// Refuses data that is nested too deep, and empties it.
    pub(crate) fn take_apart_if_too_deep(&mut self) -> Result<(), Rejection> {
        take_apart_if_too_deep(match self {
            Self::Event(event) => &mut event.data,
            Self::Command(command) => &mut command.data,
        })
    }
}

impl From<NewEvent> for Emit {
    fn from(event: NewEvent) -> Self {
        Self::Event(event)
    }
}

impl From<NewCommand> for Emit {
    fn from(command: NewCommand) -> Self {
        Self::Command(command)
    }
}
