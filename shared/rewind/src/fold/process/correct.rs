//! Events that a process has taken and that were reversed.

use super::{
    Runner,
    journal::{Cause, Correction},
};
use crate::{
    CloudEvent, RecordedEvent, Rejection, StreamName,
    reserved::{EVENT_RESTORED, EVENT_TAKEN, EVENT_TAKEN_BACK},
    reversal::{Effect, place},
};

impl Runner {
    /// The event by which a journal, given as a whole, follows a reversal in
    /// the stream of an event that it has taken. Loading then leaves the event
    /// out, with the deadlines that it has set and what their being reached did
    /// to the state, or has them again. What was given stays given.
    ///
    /// `None` where there is nothing to follow. For an event that is restored
    /// and was never taken, that is so as well: it is taken now.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read, or the event is too large.
    pub fn take_back(
        &self,
        journal: &StreamName,
        events: &[RecordedEvent],
        reversal: &RecordedEvent,
        effect: Effect,
    ) -> Result<Option<CloudEvent>, Rejection> {
        let of = place(reversal.stream(), effect.root());
        let source = self.source();
        let mut taken = events.iter();
        let is_taken = taken.any(|event| {
            let event = &event.event;
            event.event_type == EVENT_TAKEN && event.source == source && event.id == of
        });
        let is_left_out = self.taken_back(events)?.contains(&of);
        let event_type = match effect {
            Effect::TakenBack(_) if is_taken && !is_left_out => EVENT_TAKEN_BACK,
            Effect::Restored(_) if is_taken && is_left_out => EVENT_RESTORED,
            _ => return Ok(None),
        };
        let cause = Cause::of(reversal);
        let correction = Correction {
            stream: reversal.stream().clone(),
            version: effect.root(),
        };
        let id = cause.place.clone();
        let event = cause.event(journal, source, id, event_type, &correction)?;
        Ok(Some(event))
    }
}
