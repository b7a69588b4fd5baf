//! Aggregates: what decides about commands.

use crate::{Envelope, Event, Rejection};
use serde::de::DeserializeOwned;

/// `decide(state, command) -> events or rejection` and `evolve(state, event)`:
/// pure, synchronous, without a clock. What a decision needs to know is in the
/// command.
///
/// An event that was reversed is left out, with its reversal: the state is that
/// of a history in which it did not happen.
pub trait Aggregate: Default {
    /// What may be asked of it.
    type Command: DeserializeOwned;
    /// What it records: only it writes to their category.
    type Event: Event;

    /// The events that follow from a command.
    ///
    /// # Errors
    ///
    /// A rejection is an answer to whoever sent the command, not a failure.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Rejection>;

    /// The state after an event.
    fn evolve(&mut self, event: &Envelope<Self::Event>);

    /// Whether the event could happen in this state: asked before an earlier
    /// event is reversed, to show what depends on it.
    ///
    /// # Errors
    ///
    /// Why it could not.
    fn allows(&self, event: &Envelope<Self::Event>) -> Result<(), Rejection> {
        let _ = event;
        Ok(())
    }
}
