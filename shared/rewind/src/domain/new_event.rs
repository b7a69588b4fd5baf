//! New events: what adapters and rules emit, checked like what comes in from
//! outside.

use super::event::declaration::encode;
use crate::{
    CloudEvent, Event, RecordedEvent, Rejection, StreamName,
    cloudevents::{self, MAX_DEPTH},
    commit::{MAX_COMMIT_BYTES, size_of},
    record::event::raw,
    reserved::{CAUSATION_DEPTH, SCHEMA_VERSION, is_reserved_category},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A time that the door takes: for an event that has the time of its cause, which
/// was checked when it was recorded.
const ANY_TIME: &str = "2023-04-19T09:00:00Z";

/// An event that the domain wants to happen: without identity and time, which
/// come from what caused it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// Where it belongs.
    pub stream: StreamName,
    /// Its type.
    pub event_type: String,
    /// When it happened, RFC 3339, where that is not the time of its cause.
    pub time: Option<String>,
    /// The schema version of its payload, where that is not 1.
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
        let unchecked = CloudEvent {
            id: "new".into(),
            source: "/rewind".into(),
            event_type: self.event_type.clone(),
            stream: self.stream.clone(),
            time: self.time.clone().unwrap_or_else(|| ANY_TIME.into()),
            extensions: self.extensions(),
            data: raw(&self.data),
        };
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

    fn extensions(&self) -> BTreeMap<String, Value> {
        let version = self.schema_version;
        let version = version.map(|version| (SCHEMA_VERSION.into(), version.into()));
        version.into_iter().collect()
    }
}

/// The events that follow from a cause, or why one of them cannot be recorded:
/// then none is.
pub(crate) fn events(
    mut emitted: Vec<NewEvent>,
    cause: &RecordedEvent,
    origin: &str,
) -> Result<Vec<CloudEvent>, Rejection> {
    let count = emitted.len();
    let is_too_deep: Vec<bool> = emitted.iter_mut().map(NewEvent::take_apart).collect();
    let events = emitted.into_iter().zip(is_too_deep).enumerate();
    let events = events.map(|(nth, (new, is_too_deep))| {
        let event = if is_too_deep {
            Err(too_deep())
        } else {
            new.check().and_then(|()| {
                let event = new.caused_by(cause, origin, nth);
                match size_of(&event) {
                    ..=MAX_COMMIT_BYTES => Ok(event),
                    size => Err(Rejection::new(format!(
                        "the event takes {size} bytes with what its cause gives it; at most {MAX_COMMIT_BYTES} are recorded"
                    ))),
                }
            })
        };
        event.map_err(|rejection| nth_of(nth, count, &rejection))
    });
    events.collect()
}

/// A rejection of one of several new events.
pub(crate) fn nth_of(nth: usize, count: usize, rejection: &Rejection) -> Rejection {
    let nth = nth + 1;
    Rejection::new(format!("event {nth} of {count}: {rejection}"))
}

fn too_deep() -> Rejection {
    Rejection::new(format!(
        "`data` JSON nested more than {MAX_DEPTH} levels deep is not accepted"
    ))
}

impl NewEvent {
    /// Refuses data that is nested too deep.
    pub(crate) fn take_apart_if_too_deep(&mut self) -> Result<(), Rejection> {
        if self.take_apart() {
            Err(too_deep())
        } else {
            Ok(())
        }
    }

    /// Empties data that is nested too deep, and says whether it did: to write
    /// it down, or only to forget it whole, takes a stack as deep as itself.
    fn take_apart(&mut self) -> bool {
        let mut level: Vec<&Value> = vec![&self.data];
        let mut depth = 0;
        while !level.is_empty() && depth <= MAX_DEPTH {
            level = level.into_iter().flat_map(parts).collect();
            depth += 1;
        }
        if level.is_empty() {
            return false;
        }
        let mut whole = vec![self.data.take()];
        while let Some(value) = whole.pop() {
            match value {
                Value::Array(values) => whole.extend(values),
                Value::Object(fields) => whole.extend(fields.into_iter().map(|(_, value)| value)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        true
    }
}

fn parts(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(values) => Box::new(values.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Box::new(std::iter::empty())
        }
    }
}
