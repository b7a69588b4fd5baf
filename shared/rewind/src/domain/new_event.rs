//! New events: what adapters and rules emit, checked like what comes in from
//! outside.

use super::event::declaration::encode;
use crate::{
    CloudEvent, Event, RecordedEvent, Rejection, StreamName, cloudevents,
    record::event::raw,
    reserved::{CAUSATION_DEPTH, IMPORTED, SCHEMA_VERSION, is_imported, is_reserved_category},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// A time that the door takes: for an event that has the time of its cause, which
/// was checked when it was recorded.
const ANY_TIME: &str = "2023-04-19T09:00:00Z";

/// An event that the domain wants to happen: without identity and time, which
/// come from what caused it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NewEvent {
    /// Where it belongs.
    pub stream: StreamName,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// When it happened, RFC 3339, where that is not the time of its cause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// The schema version of its payload, where that is not 1.
    #[serde(
        rename = "schemaversion",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub schema_version: Option<u32>,
    /// Its payload.
    pub data: Value,
}

impl NewEvent {
    /// An event for the stream of `id` in the event's category.
    ///
    /// # Errors
    ///
    /// A rejection where the id is empty, or the event has no JSON.
    pub fn new<E: Event>(id: &str, event: &E) -> Result<Self, Rejection> {
        Self::of_stream(StreamName::of(E::CATEGORY, id)?, event)
    }

    /// An event for a stream of the event's category.
    pub(crate) fn of_stream<E: Event>(stream: StreamName, event: &E) -> Result<Self, Rejection> {
        let (event_type, version, data) = encode(event)?;
        Ok(Self {
            schema_version: (version > 1).then_some(version),
            ..Self::untyped(stream, event_type, data)
        })
    }

    /// An event of a category that no enum declares.
    pub fn untyped(stream: StreamName, event_type: impl Into<String>, data: Value) -> Self {
        Self {
            stream,
            event_type: event_type.into(),
            time: None,
            schema_version: None,
            data,
        }
    }

    /// With the schema version of its payload.
    #[must_use]
    pub fn schema_version(mut self, version: u32) -> Self {
        self.schema_version = Some(version);
        self
    }

    /// With the time at which it happened, RFC 3339.
    #[must_use]
    pub fn at(mut self, time: impl Into<String>) -> Self {
        self.time = Some(time.into());
        self
    }

    /// Checks what the domain gave as the door checks what a client sends.
    ///
    /// # Errors
    ///
    /// A refusal that names the field and says what was expected.
    pub fn check(&self) -> Result<(), Rejection> {
        let category = self.stream.category();
        if is_reserved_category(category) {
            return Err(Rejection::new(format!(
                "`stream` the category {category:?} is Rewind's own"
            )));
        }
        if self.schema_version == Some(0) {
            return Err(Rejection::new(
                "`schema_version` is 0; expected a whole number from 1 on",
            ));
        }
        let unchecked = self.unplaced();
        let defaults = cloudevents::Defaults {
            id: unchecked.id.clone(),
            time: unchecked.time.clone(),
        };
        let text = serde_json::to_string(&unchecked);
        let text = text.map_err(|error| Rejection::new(error.to_string()))?;
        match cloudevents::structured(&text, defaults) {
            Ok(_) => Ok(()),
            Err(problem) => {
                let field = problem.field.map(|field| format!("`{field}` "));
                let field = field.unwrap_or_default();
                Err(Rejection::new(format!("{field}{}", problem.detail)))
            }
        }
    }

    /// The event that follows from `cause` as the `nth` consequence that
    /// `origin` (such as `adapter/shop`) emitted for it. Its identity depends on
    /// these alone, so emitting it again changes nothing.
    pub fn caused_by(self, cause: &RecordedEvent, origin: &str, nth: usize) -> CloudEvent {
        let causation = format!("{}@{}", cause.stream(), cause.version);
        let mut extensions = self.extensions();
        let correlation = cause.event.extension("correlationid");
        let correlation = correlation.unwrap_or(&cause.event.id).to_string();
        let depth = cause.event.causation_depth() + 1;
        extensions.insert("correlationid".into(), Value::String(correlation));
        extensions.insert("causationid".into(), Value::String(causation.clone()));
        extensions.insert(CAUSATION_DEPTH.into(), depth.into());
        if is_imported(&cause.event) {
            extensions.insert(IMPORTED.into(), true.into());
        }
        CloudEvent {
            id: format!("{causation}/{nth}"),
            source: format!("/rewind/{origin}"),
            event_type: self.event_type,
            stream: self.stream,
            time: self.time.unwrap_or_else(|| cause.event.time.clone()),
            extensions,
            data: raw(&self.data),
        }
    }

    /// The event as far as it is known without its cause.
    pub(crate) fn unplaced(&self) -> CloudEvent {
        CloudEvent {
            id: "new".into(),
            source: "/rewind".into(),
            event_type: self.event_type.clone(),
            stream: self.stream.clone(),
            time: self.time.clone().unwrap_or_else(|| ANY_TIME.into()),
            extensions: self.extensions(),
            data: raw(&self.data),
        }
    }

    fn extensions(&self) -> BTreeMap<String, Value> {
        let version = self.schema_version;
        let version = version.map(|version| (SCHEMA_VERSION.into(), version.into()));
        version.into_iter().collect()
    }
}

/// A rejection of one of several new events.
pub(crate) fn nth_of(nth: usize, count: usize, rejection: &Rejection) -> Rejection {
    let nth = nth + 1;
    Rejection::new(format!("event {nth} of {count}: {rejection}"))
}
