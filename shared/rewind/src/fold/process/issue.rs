//! What a process has given: made of its journal, and of nothing else.

use super::Runner;
use crate::{
    CloudEvent, NewCall, NewCommand, NewEvent, RecordedEvent, Rejection,
    commit::{MAX_COMMIT_BYTES, size_of},
    fold::{mode::Mode, reaction::Calling},
    reserved::{CALL_ISSUED, CAUSATION_DEPTH, COMMAND_ISSUED, EVENT_EMITTED},
    reversal::place,
};

impl Runner {
    /// What is to be sent to `incoming` for some events of a journal: for each
    /// `command-issued` the event by which the command waits, for each
    /// `event-emitted` the event, for each `call-issued` that by which the gateway
    /// is asked, unless it was imported. Their identities depend on the journal alone,
    /// so that sending them again changes nothing.
    ///
    /// # Errors
    ///
    /// When an event of the journal cannot be read.
    pub fn issued(&self, events: &[RecordedEvent]) -> Result<Vec<CloudEvent>, Rejection> {
        let mut issued = Vec::new();
        let own = events.iter();
        for event in own.filter(|event| event.event.source == self.source()) {
            // The journal's event is this step of the chain already.
            let depth = event.event.causation_depth();
            let given = match event.event_type() {
                COMMAND_ISSUED => {
                    let command: NewCommand = event.data()?;
                    let place = place(event.stream(), event.version);
                    command.received(format!("{}/{place}", self.origin), event, depth)?
                }
                CALL_ISSUED => {
                    let Mode::Live(live) = Mode::of_issued(event) else {
                        continue;
                    };
                    let call: NewCall = event.data()?;
                    let id = format!("{}/0", place(event.stream(), event.version));
                    Calling::new(call.requested(self.source(), id, event, depth)).requested(live)
                }
                EVENT_EMITTED => {
                    let new: NewEvent = event.data()?;
                    let mut new = new.caused_by(event, &self.origin, 0);
                    new.extensions.insert(CAUSATION_DEPTH.into(), depth.into());
                    new
                }
                _ => continue,
            };
            let size = size_of(&given);
            if size > MAX_COMMIT_BYTES {
                return Err(Rejection::new(format!(
                    "it takes {size} bytes with what its cause gives it; at most {MAX_COMMIT_BYTES} are recorded"
                )));
            }
            issued.push(given);
        }
        Ok(issued)
    }
}
