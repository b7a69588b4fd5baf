//! The outcomes of recording an event.

use rewind::RecordedEvent;

/// The outcome of recording one event.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The events table holds it.
    Recorded {
        /// With its place.
        recorded: Box<RecordedEvent>,
        /// Whether this call recorded it.
        is_new: bool,
    },
    /// Its identity belongs to another event.
    Conflict,
    /// The events table does not take it, now or later.
    Refused(String),
    /// It is not recorded, or that is not known: it has to be tried again.
    Failed(String),
}
