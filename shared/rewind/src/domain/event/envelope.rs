//! An event as the domain reads it.

use crate::{
    CloudEvent, RecordedEvent, Rejection, StreamName, Timestamp, record::command::time_of,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// An event as the domain reads it: its data, decoded, with its attributes and
/// its place.
#[derive(Debug)]
pub struct Envelope<'a, E> {
    /// What happened.
    pub data: E,
    /// The version in its stream: 1, 2, 3 …
    pub version: u64,
    /// The position in its category.
    pub position: u64,
    event: &'a CloudEvent,
}

impl<'a, E> Envelope<'a, E> {
    /// The envelope of `data` that was read from a recorded event.
    pub(crate) fn new(event: &'a RecordedEvent, data: E) -> Self {
        Self {
            data,
            version: event.version,
            position: event.position,
            event: &event.event,
        }
    }

    /// The event's id. With the source, it is the event's identity.
    pub fn id(&self) -> &'a str {
        &self.event.id
    }

    /// Where the event came from.
    pub fn source(&self) -> &'a str {
        &self.event.source
    }

    /// The event type, such as `order-placed`.
    pub fn event_type(&self) -> &'a str {
        &self.event.event_type
    }

    /// When it happened, RFC 3339.
    pub fn time(&self) -> &'a str {
        &self.event.time
    }

    /// When it happened, to reckon with.
    ///
    /// # Errors
    ///
    /// When its time is outside of the years −9999 to 9999.
    pub fn timestamp(&self) -> Result<Timestamp, Rejection> {
        time_of(&self.event.time)
    }

    /// The stream.
    pub fn stream(&self) -> &'a StreamName {
        &self.event.stream
    }

    /// What the event belongs to, across streams: the attribute `correlationid`,
    /// or the event's own id where it has none.
    pub fn correlation_id(&self) -> &'a str {
        self.extension("correlationid").unwrap_or(&self.event.id)
    }

    /// A text attribute beyond the required ones.
    pub fn extension(&self, name: &str) -> Option<&'a str> {
        self.event.extension(name)
    }

    /// All attributes beyond the required ones.
    pub fn extensions(&self) -> &'a BTreeMap<String, Value> {
        &self.event.extensions
    }
}
