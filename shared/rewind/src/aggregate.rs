//! Aggregates: what decides about commands.

use crate::{RecordedEvent, Rejection, misfit, projection::guarded, upcast::Upcasters};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

/// `decide(state, command) -> events or refusal` and `evolve(state, event)`:
/// pure, synchronous, without a clock. What a decision needs to know is in the
/// command.
///
/// An event that was reversed is left out, with its reversal: the state is that
/// of a history in which it did not happen.
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
    fn decide(&self, command: Self::Command) -> Result<Vec<Self::Event>, Rejection>;

    /// The state after an event.
    fn evolve(&mut self, event: &Self::Event);

    /// Whether the event could happen in this state: asked before an earlier
    /// event is reversed, to show what depends on it.
    ///
    /// # Errors
    ///
    /// Why it could not.
    fn allows(&self, event: &Self::Event) -> Result<(), Rejection> {
        let _ = event;
        Ok(())
    }
}

/// Goes through events as they count; says which one is the first that is not
/// allowed.
pub(crate) type Walk = fn(&Upcasters, &[&RecordedEvent]) -> Option<(u64, Rejection)>;

/// See [`Walk`].
pub(crate) fn walk<A: Aggregate>(
    upcasters: &Upcasters,
    events: &[&RecordedEvent],
) -> Option<(u64, Rejection)> {
    let mut state = A::default();
    events.iter().find_map(|event| {
        let step = guarded(|| {
            let event = typed::<A>(upcasters, event)?;
            state.allows(&event)?;
            state.evolve(&event);
            Ok(())
        });
        step.err().map(|refused| (event.version, refused))
    })
}

/// The state of an aggregate after all events of its stream, without those
/// that were reversed.
///
/// # Errors
///
/// When an event is none of the aggregate's.
pub fn state_of<A: Aggregate>(
    upcasters: &Upcasters,
    events: &[RecordedEvent],
) -> Result<A, Rejection> {
    let mut state = A::default();
    for event in crate::reversal::effective(events) {
        state.evolve(&typed::<A>(upcasters, event)?);
    }
    Ok(state)
}

fn typed<A: Aggregate>(
    upcasters: &Upcasters,
    event: &RecordedEvent,
) -> Result<A::Event, Rejection> {
    let event = upcasters.lift(event)?;
    let (event_type, version) = (event.event_type(), event.version);
    let typed = json!({"type": event_type, "data": &*event.event.data});
    misfit::decode_value(&typed).map_err(|misfit| {
        Rejection::new(format!(
            "`{event_type}` at version {version} is no event of the aggregate: {misfit}"
        ))
    })
}
