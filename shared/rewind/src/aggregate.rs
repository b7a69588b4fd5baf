//! Aggregates: what decides about commands.

use crate::Refused;
use serde::{Serialize, de::DeserializeOwned};

/// `decide(state, command) -> events or refusal` and `evolve(state, event)`:
/// pure, synchronous, without a clock. What a decision needs to know is in the
/// command.
pub trait Aggregate: Default {
    /// What may be asked of it.
    type Command: DeserializeOwned;
    /// What it records.
    type Event: Serialize + DeserializeOwned;
    /// The category that only it writes to.
    const CATEGORY: &'static str;

    /// The events that follow from a command.
    ///
    /// # Errors
    ///
    /// A refusal is an answer to whoever sent the command, not a failure.
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Refused>;

    /// The state after an event.
    fn evolve(&mut self, event: &Self::Event);
}
