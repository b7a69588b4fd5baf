//! What adapters, rules and gateways emit: events, commands and calls.

use super::{
    aggregate::Command, gateway::Gateway, nested::take_apart_if_too_deep, new_call::NewCall,
    new_command::NewCommand, new_event::NewEvent,
};
use crate::{CloudEvent, Event, RecordedEvent, Rejection};

/// What an adapter or a rule emits, where it emits more than one of these.
#[derive(Debug, Clone, PartialEq)]
pub enum Emit {
    /// An event, for a category that no aggregate decides about.
    Event(NewEvent),
    /// A command, for one that an aggregate decides about.
    Command(NewCommand),
    /// A call of a gateway.
    Call(NewCall),
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

    /// A call of a gateway.
    ///
    /// # Errors
    ///
    /// See [`NewCall::new`].
    pub fn call<G: Gateway>(action: &G::Action) -> Result<Self, Rejection> {
        NewCall::new::<G>(action).map(Self::Call)
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
            Self::Call(call) => call.check(),
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
            Self::Call(_) => Err(Rejection::new("a call is no event")),
        }
    }

    /// What it is, for a rejection.
    pub(crate) fn what(&self) -> &'static str {
        match self {
            Self::Event(_) => "event",
            Self::Command(_) => "command",
            Self::Call(_) => "call",
        }
    }

    /// Refuses data that is nested too deep, and empties it.
    pub(crate) fn take_apart_if_too_deep(&mut self) -> Result<(), Rejection> {
        take_apart_if_too_deep(match self {
            Self::Event(event) => &mut event.data,
            Self::Command(command) => &mut command.data,
            Self::Call(call) => &mut call.action,
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

impl From<NewCall> for Emit {
    fn from(call: NewCall) -> Self {
        Self::Call(call)
    }
}
