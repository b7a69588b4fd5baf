//! Aggregates at work, their types taken away.

use super::{panics::guarded, upcasters::Upcasters};
use crate::{Aggregate, Envelope, Events, RecordedEvent, Rejection, reversal::effective};

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
            let lifted = upcasters.lift(event)?;
            let Some(data) = A::Event::read(&lifted.event)? else {
                return Ok(());
            };
            let event = Envelope::new(&lifted, data);
            state.allows(&event)?;
            state.evolve(&event);
            Ok(())
        });
        step.err().map(|rejection| (event.version, rejection))
    })
}

/// The state of an aggregate after all events of its stream, without those
/// that were reversed and those whose type is not declared.
///
/// # Errors
///
/// When the data of a declared type does not fit.
pub fn state_of<A: Aggregate>(
    upcasters: &Upcasters,
    events: &[RecordedEvent],
) -> Result<A, Rejection> {
    let mut state = A::default();
    for event in effective(events) {
        let lifted = upcasters.lift(event)?;
        if let Some(data) = A::Event::read(&lifted.event)? {
            state.evolve(&Envelope::new(&lifted, data));
        }
    }
    Ok(state)
}
