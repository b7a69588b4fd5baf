//! The testing kit: given these events, then this row; when this input, then
//! these events.

mod given;
#[cfg(feature = "golden")]
pub mod golden;

use crate::{
    Adapter, CloudEvent, Envelope, Event, Events, NewEvent, RecordedEvent, Rejection, StreamName,
    record::event,
};
pub use given::Given;
use serde_json::Value;
use std::collections::BTreeMap;

/// The history of one stream, `<category>-1`.
#[track_caller]
pub fn given<E: Event>(events: impl IntoIterator<Item = E>) -> Given<E> {
    Given::default().and("1", events)
}

/// A history without events yet, of one category or of several.
pub fn history<E: Events>() -> Given<E> {
    Given::default()
}

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
            time: "2023-04-19T09:00:00Z".into(),
            extensions: BTreeMap::new(),
            data: event::raw(data),
        },
        version,
        position: version,
    }
}

/// What an adapter makes of an input.
///
/// # Errors
///
/// The adapter's rejection, or that of an event which cannot be recorded.
pub fn when_input<A: Adapter>(input: &Value) -> Result<Vec<NewEvent>, Rejection> {
    let received = event("input:test-1", crate::reserved::INPUT_RECEIVED, input, 1);
    let emitted = A::map(&Envelope::new(&received, A::read(input)?))?;
    for new in &emitted {
        new.check()?;
    }
    Ok(emitted)
}

/// An event as a reader gets it.
///
/// # Panics
///
/// When the recorded event is none of `E`.
#[track_caller]
pub fn envelope<E: Events>(event: &RecordedEvent) -> Envelope<'_, E> {
    let data = E::read(&event.event).expect("data that fits");
    Envelope::new(event, data.expect("a declared type"))
}
