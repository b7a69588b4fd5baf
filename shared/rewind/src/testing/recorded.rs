//! Recorded events for tests.

use crate::{CloudEvent, RecordedEvent, StreamName, event::raw};
use serde_json::Value;
use std::collections::BTreeMap;

/// When the events of tests happen, unless they say otherwise.
pub(super) const TIME: &str = "2023-04-19T09:00:00Z";

/// A recorded event with the attributes that tests don't care about filled in.
///
/// # Panics
///
/// When `stream` is no name of a stream.
#[track_caller]
pub fn event(stream: &str, event_type: &str, data: &Value, version: u64) -> RecordedEvent {
    RecordedEvent {
        event: CloudEvent {
            id: format!("{stream}@{version}"),
            source: "/test".into(),
            event_type: event_type.into(),
            stream: StreamName::new(stream).expect("a stream's name"),
            time: TIME.into(),
            extensions: BTreeMap::new(),
            data: raw(data),
        },
        version,
        position: version,
    }
}

/// Records events behind those of a stream.
pub(super) fn record(
    stream: &mut Vec<RecordedEvent>,
    events: impl IntoIterator<Item = CloudEvent>,
) {
    for event in events {
        let version = stream.len() as u64 + 1;
        stream.push(RecordedEvent {
            event,
            version,
            position: version,
        });
    }
}
