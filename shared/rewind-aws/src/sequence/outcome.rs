//! What becomes of an event that is to be recorded.

use rewind::RecordedEvent;

/// What became of an event.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It stands in the events table, since now or since before.
    Recorded {
        /// With its place.
        recorded: Box<RecordedEvent>,
        /// Whether this call recorded it.
        is_new: bool,
    },
    /// Its identity belongs to an event with other content.
    Conflict,
    /// The events table does not take it, now or later.
    Refused(String),
    /// Not recorded, or not known to be: to be tried again.
    Failed(String),
}
