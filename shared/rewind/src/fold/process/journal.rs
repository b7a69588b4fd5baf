//! The events of a journal.

use crate::{
    CloudEvent, RecordedEvent, Rejection, StreamName, Timestamp,
    commit::{MAX_COMMIT_BYTES, size_of},
    reserved::{CAUSATION_DEPTH, EVENT_RESTORED, EVENT_TAKEN_BACK, IMPORTED, is_imported},
    reversal::place,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::to_raw_value};
use std::collections::BTreeMap;

/// The data of `deadline-set`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Deadline {
    pub name: String,
    pub at: Timestamp,
}

/// The data of `deadline-cancelled`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Named {
    pub name: String,
}

/// The data of `deadline-reached`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Over {
    pub name: String,
    pub at: Timestamp,
    /// The version of its `deadline-set`.
    pub set: u64,
}

/// The data of `event-taken-back` and `event-restored`.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Correction {
    pub stream: StreamName,
    pub version: u64,
}

/// Whether the type is one of those.
pub(super) fn is_correction(event: &RecordedEvent) -> bool {
    matches!(event.event_type(), EVENT_TAKEN_BACK | EVENT_RESTORED)
}

/// What one run of the journal's events follows from: an event that was taken,
/// or a `deadline-set` whose time has come.
pub(super) struct Cause {
    /// `stream@version`.
    pub place: String,
    pub correlation: String,
    pub time: String,
    /// How many reactions lie between it and the outside.
    pub depth: u64,
    pub is_imported: bool,
}

impl Cause {
    pub fn of(event: &RecordedEvent) -> Self {
        let correlation = event.event.extension("correlationid");
        Self {
            place: place(event.stream(), event.version),
            correlation: correlation.unwrap_or(&event.event.id).into(),
            time: event.event.time.clone(),
            depth: event.event.causation_depth(),
            is_imported: is_imported(&event.event),
        }
    }

    /// The id of the `nth` thing that is done about it.
    pub fn nth(&self, nth: usize) -> String {
        format!("{}/{nth}", self.place)
    }

    /// An event of the journal. With the process, its id depends on the cause
    /// alone, so that it is recorded once.
    ///
    /// # Errors
    ///
    /// When it is too large.
    pub fn event(
        &self,
        journal: &StreamName,
        source: String,
        id: String,
        event_type: &str,
        data: &impl Serialize,
    ) -> Result<CloudEvent, Rejection> {
        let no_json = |error| Rejection::new(format!("`{event_type}` has no JSON: {error}"));
        let mut extensions = BTreeMap::from([
            ("correlationid".into(), Value::from(&*self.correlation)),
            ("causationid".into(), Value::from(&*self.place)),
            (CAUSATION_DEPTH.into(), (self.depth + 1).into()),
        ]);
        if self.is_imported {
            extensions.insert(IMPORTED.into(), true.into());
        }
        let event = CloudEvent {
            id,
            source,
            event_type: event_type.into(),
            stream: journal.clone(),
            time: self.time.clone(),
            extensions,
            data: to_raw_value(data).map_err(no_json)?,
        };
        match size_of(&event) {
            ..=MAX_COMMIT_BYTES => Ok(event),
            size => Err(Rejection::new(format!(
                "`{event_type}` takes {size} bytes in the journal; at most {MAX_COMMIT_BYTES} are recorded"
            ))),
        }
    }
}
