//! Commands on their way to a decision, and how their outcomes are recorded.

use super::{
    event::{MAX_DATA, identity, raw},
    reserved::{
        CAUSATION_DEPTH, COMMAND_ACCEPTED, COMMAND_CATEGORY, COMMAND_ID, COMMAND_RECEIVED,
        COMMAND_REJECTED, COMMAND_SOURCE, IMPORTED, RECEIVED_SOURCE, SCHEMA_VERSION,
        UNKEYED_SOURCE, is_imported,
    },
};
use crate::{BadStreamName, CloudEvent, NewEvent, RecordedEvent, Rejection, StreamName};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, value::RawValue};
use std::collections::BTreeMap;

/// The longest key of a command, in bytes.
pub const MAX_COMMAND_ID: usize = 256;

/// The most bytes of a command's data as JSON: half of an event's, so that what
/// is decided from it can be recorded, and the command itself as well.
pub const MAX_COMMAND_DATA: usize = MAX_DATA / 2;

/// A request to an aggregate, which may refuse it.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its key: the same key is the same command, for ever. One without a key
    /// has an id that nobody else has.
    pub id: String,
    /// Whether the id is a key that whoever sent it knows.
    pub is_keyed: bool,
    /// The stream of the aggregate.
    pub stream: StreamName,
    /// Its type, such as `add-product`.
    pub command_type: String,
    /// Its data: JSON text as received.
    pub data: Box<RawValue>,
    /// Its own time.
    pub at: Timestamp,
    /// The version that the stream has to have, where that counts.
    pub expected: Option<u64>,
    /// What it belongs to, across streams.
    pub correlation: Option<String>,
    /// The event that caused it, `stream@version`.
    pub causation: Option<String>,
    /// How many reactions lie between it and the outside.
    pub depth: u64,
    /// Whether it follows from an event that was imported.
    pub is_imported: bool,
}

/// What an aggregate's rejection is recorded and answered as.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Rejection")]
pub struct Refusal {
    /// Its name, such as `not-lent`.
    pub name: String,
    /// In words.
    pub reason: String,
    /// Its fields.
    pub data: Value,
}

/// The data of a command that waits.
#[derive(Debug, Serialize, Deserialize)]
struct Received {
    stream: StreamName,
    #[serde(rename = "type")]
    command_type: String,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<u64>,
}

/// The data of an outcome that stands in the command's own stream.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OutcomeData {
    /// The stream of the aggregate.
    pub stream: StreamName,
    /// The command's type.
    #[serde(rename = "type")]
    pub command_type: String,
    /// Why it was refused, where it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Refusal>,
}

impl Command {
    /// The stream of the command of an id.
    ///
    /// # Errors
    ///
    /// When the id is empty.
    pub fn stream_of(id: &str) -> Result<StreamName, BadStreamName> {
        StreamName::of(COMMAND_CATEGORY, id)
    }

    /// The command's own stream.
    ///
    /// # Errors
    ///
    /// When the id is empty.
    pub fn own_stream(&self) -> Result<StreamName, BadStreamName> {
        Self::stream_of(&self.id)
    }

    /// What claims the outcome of the command of an id: the identity of the first
    /// event of it, also where that comes in from another system.
    pub fn outcome_identity(id: &str) -> String {
        identity(COMMAND_SOURCE, &format!("{id}/0"))
    }

    /// What tells two commands of one id apart: stream, type and data.
    ///
    /// # Errors
    ///
    /// When the id is empty.
    pub fn fingerprint(&self) -> Result<String, BadStreamName> {
        Ok(self.received_as(None)?.fingerprint())
    }

    /// The event by which the command waits to be decided later.
    ///
    /// # Errors
    ///
    /// When the id is empty.
    pub fn received(&self) -> Result<CloudEvent, BadStreamName> {
        self.received_as(self.expected)
    }

    fn received_as(&self, expected: Option<u64>) -> Result<CloudEvent, BadStreamName> {
        let data = Received {
            stream: self.stream.clone(),
            command_type: self.command_type.clone(),
            data: self.data.clone(),
            expected,
        };
        let data = serde_json::value::to_raw_value(&data);
        let mut extensions = BTreeMap::new();
        if let Some(correlation) = &self.correlation {
            extensions.insert("correlationid".into(), Value::from(correlation.as_str()));
        }
        if let Some(causation) = &self.causation {
            extensions.insert("causationid".into(), Value::from(causation.as_str()));
        }
        if self.depth > 0 {
            extensions.insert(CAUSATION_DEPTH.into(), self.depth.into());
        }
        if self.is_imported {
            extensions.insert(IMPORTED.into(), true.into());
        }
        Ok(CloudEvent {
            id: self.id.clone(),
            source: RECEIVED_SOURCE.into(),
            event_type: COMMAND_RECEIVED.into(),
            stream: self.own_stream()?,
            time: self.at.to_string(),
            extensions,
            data: data.expect("a command has text keys only, so it has JSON"),
        })
    }

    /// The command that an event brings; `None` where it brings none.
    ///
    /// # Errors
    ///
    /// When its data or its time cannot be read.
    pub fn of(event: &RecordedEvent) -> Result<Option<Self>, Rejection> {
        let (at, event) = (event, &event.event);
        if event.event_type != COMMAND_RECEIVED || event.source != RECEIVED_SOURCE {
            return Ok(None);
        }
        let received: Received = event.data()?;
        Ok(Some(Self {
            id: event.id.clone(),
            is_keyed: true,
            stream: received.stream,
            command_type: received.command_type,
            data: received.data,
            at: time_of(&event.time)?,
            expected: received.expected,
            correlation: event.extension("correlationid").map(Into::into),
            causation: Some(format!("{}@{}", at.stream(), at.version)),
            depth: event.causation_depth(),
            is_imported: is_imported(event),
        }))
    }

    /// The `nth` event that is recorded with the command's outcome.
    pub fn event(&self, new: NewEvent, nth: usize) -> CloudEvent {
        let source = match self.is_keyed {
            true => COMMAND_SOURCE,
            false => UNKEYED_SOURCE,
        };
        let correlation = self.correlation.as_deref().unwrap_or(&self.id);
        let mut extensions = BTreeMap::from([
            (COMMAND_ID.into(), Value::from(self.id.as_str())),
            ("correlationid".into(), Value::from(correlation)),
        ]);
        if let Some(causation) = &self.causation {
            extensions.insert("causationid".into(), Value::from(causation.as_str()));
        }
        if self.depth > 0 {
            extensions.insert(CAUSATION_DEPTH.into(), self.depth.into());
        }
        if self.is_imported {
            extensions.insert(IMPORTED.into(), true.into());
        }
        if let Some(version) = new.schema_version {
            extensions.insert(SCHEMA_VERSION.into(), version.into());
        }
        CloudEvent {
            id: format!("{}/{nth}", self.id),
            source: source.into(),
            event_type: new.event_type,
            stream: new.stream,
            time: new.time.unwrap_or_else(|| self.at.to_string()),
            extensions,
            data: raw(&new.data),
        }
    }

    /// The outcome that stands in the command's own stream: refused, or accepted
    /// without an event of the aggregate's own stream. It is the first event that
    /// is recorded with it.
    ///
    /// # Errors
    ///
    /// When the id is empty.
    pub fn outcome(&self, rejection: Option<Refusal>) -> Result<CloudEvent, BadStreamName> {
        let event_type = match rejection {
            Some(_) => COMMAND_REJECTED,
            None => COMMAND_ACCEPTED,
        };
        let data = json!(OutcomeData {
            stream: self.stream.clone(),
            command_type: self.command_type.clone(),
            rejection,
        });
        let new = NewEvent::untyped(self.own_stream()?, event_type, data);
        Ok(self.event(new, 0))
    }

    /// Whether an event was decided for this command.
    pub fn is_of(&self, event: &CloudEvent) -> bool {
        let source = event.source.as_str();
        matches!(source, COMMAND_SOURCE | UNKEYED_SOURCE)
            && event.extension(COMMAND_ID) == Some(&self.id)
    }
}

/// A time as the domain reckons with it.
///
/// # Errors
///
/// When the text is no time of the years −9999 to 9999.
pub(crate) fn time_of(time: &str) -> Result<Timestamp, Rejection> {
    time.parse()
        .map_err(|_| Rejection::new("`time` is not a time that can be reckoned with"))
}
