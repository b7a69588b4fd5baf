//! Events: facts on their way in, and facts that are recorded.

use crate::{
    Rejection, StreamName, misfit,
    reserved::{CAUSATION_DEPTH, REVERSAL_SOURCE, REVERSED, SCHEMA_VERSION, is_reserved},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, value::RawValue};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The largest `data` of an event, in bytes of JSON text: 256 KiB. A commit
/// then always fits a DynamoDB item (400 KB) and a Kinesis record (1 MiB).
pub const MAX_DATA: usize = 256 * 1024;

/// Under which name binary data stands among an event's attributes, as in
/// CloudEvents' JSON format. No extension attribute can have it: it has a `_`.
pub const DATA_BASE64: &str = "data_base64";

/// An immutable fact, named in the past tense: CloudEvents 1.0 with the stream
/// as its `subject`.
#[derive(Debug, Clone)]
pub struct CloudEvent {
    /// With `source`, its identity: recorded at most once.
    pub id: String,
    /// Who says so: a URI reference.
    pub source: String,
    /// What happened, such as `vote-cast`. CloudEvents' `type`.
    pub event_type: String,
    /// Whom it happened to. CloudEvents' `subject`.
    pub stream: StreamName,
    /// When it happened, RFC 3339.
    pub time: String,
    /// All other attributes as they came: `dataschema`, `correlationid`,
    /// `causationid`, `traceparent` and whatever else CloudEvents allows.
    /// Binary data is among them, in base64, as [`DATA_BASE64`].
    pub extensions: BTreeMap<String, Value>,
    /// The payload: JSON text as received; `null` where it is binary.
    pub data: Box<RawValue>,
}

/// An event with its place in history.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedEvent {
    /// What was recorded.
    pub event: CloudEvent,
    /// 1, 2, 3 … within its stream, without gaps.
    pub version: u64,
    /// Its place in its category: microseconds since 1970 at recording, moved
    /// on where needed so that it rises within the stream.
    pub position: u64,
}

impl PartialEq for CloudEvent {
    /// Equal to the letter, the payload's text included.
    fn eq(&self, other: &Self) -> bool {
        let texts = |e: &Self| {
            [
                e.id.clone(),
                e.source.clone(),
                e.event_type.clone(),
                e.time.clone(),
            ]
        };
        texts(self) == texts(other)
            && self.stream == other.stream
            && self.extensions == other.extensions
            && self.data.get() == other.data.get()
    }
}

impl CloudEvent {
    /// The payload as a type of the domain.
    ///
    /// # Errors
    ///
    /// [`Rejection`] names the event's type, the place that did not fit and what
    /// was expected there, never the value; or it says that the data is binary.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        if self.data_base64().is_some() {
            return Err(Rejection::new(format!(
                "`{}`: its data is binary (`{DATA_BASE64}`), expected JSON",
                self.event_type
            )));
        }
        misfit::decode(self.data.get()).map_err(|misfit| {
            let (path, what) = (misfit.path("data"), misfit.what());
            Rejection::new(format!("`{}`: {path}: {what}", self.event_type))
        })
    }

    /// The payload in base64, where it is binary. [`data`](Self#structfield.data)
    /// is then `null`.
    pub fn data_base64(&self) -> Option<&str> {
        self.extension(DATA_BASE64)
    }

    /// The bytes of a binary payload.
    ///
    /// # Errors
    ///
    /// [`Rejection`] where the payload is JSON, or its base64 is damaged.
    pub fn bytes(&self) -> Result<Vec<u8>, Rejection> {
        let bytes = self.data_base64().map(|text| STANDARD.decode(text));
        let refused = |why| Rejection::new(format!("`{}`: {why}", self.event_type));
        bytes
            .ok_or_else(|| refused("its data is JSON, expected binary"))?
            .map_err(|_| refused("its `data_base64` is not base64"))
    }

    /// A text attribute beyond the required ones, such as `correlationid`.
    pub fn extension(&self, name: &str) -> Option<&str> {
        self.extensions.get(name).and_then(Value::as_str)
    }

    /// The schema version of its data; 1 where it does not say.
    ///
    /// # Errors
    ///
    /// When the attribute is neither a whole number nor the text of one.
    pub fn schema_version(&self) -> Result<u32, Rejection> {
        let Some(value) = self.extensions.get(SCHEMA_VERSION) else {
            return Ok(1);
        };
        let number = match value {
            Value::String(text) => text.parse().ok(),
            other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
        };
        number.ok_or_else(|| Rejection::new(format!("`{SCHEMA_VERSION}` expected a whole number")))
    }

    /// How many adapters and rules, one after the other, the event came of. An
    /// event from outside has no say in it.
    pub fn causation_depth(&self) -> u64 {
        match self.extensions.get(CAUSATION_DEPTH) {
            Some(depth) if is_reserved(&self.source) => depth.as_u64().unwrap_or_default(),
            _ => 0,
        }
    }

    /// Whether it is a reversal, by its type and its source.
    pub fn is_reversal(&self) -> bool {
        self.event_type == REVERSED && self.source == REVERSAL_SOURCE
    }

    /// What claims (source, id): 43 characters, the same for ever.
    pub fn identity(&self) -> String {
        identity(&self.source, &self.id)
    }

    /// What tells two events of one identity apart: type, stream, schema and
    /// data; of binary data its media type as well. Neither the time nor the
    /// spelling of the JSON (spaces, order of fields) counts: a client that
    /// sends again may differ in those. Numbers are told apart as far as 64
    /// bits do.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let schema = self.extension("dataschema").unwrap_or_default();
        for part in [&*self.event_type, self.stream.as_str(), schema] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        // Maps of `Value` are sorted by key.
        let canonical = serde_json::from_str::<Value>(self.data.get());
        let data = canonical.map_or_else(|_| self.data.get().into(), |data| data.to_string());
        // Data of another schema version says something else.
        if let Some(version) = self.extensions.get(SCHEMA_VERSION) {
            hash.update(version.to_string());
            // 1 and 23 are not 12 and 3. All other data shows where it begins,
            // and keeps the fingerprint that it was recorded with.
            if data.starts_with(|c: char| c.is_ascii_digit()) {
                hash.update(" ");
            }
        }
        hash.update(data);
        if let Some(bytes) = self.data_base64() {
            for part in [bytes, self.extension("datacontenttype").unwrap_or_default()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        URL_SAFE_NO_PAD.encode(&hash.finalize()[..16])
    }
}

/// What claims (source, id): 43 characters, the same for ever.
pub fn identity(source: &str, id: &str) -> String {
    let mut hash = Sha256::new();
    hash.update((source.len() as u64).to_be_bytes());
    hash.update(source);
    hash.update(id);
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

impl RecordedEvent {
    /// The event's type.
    pub fn event_type(&self) -> &str {
        &self.event.event_type
    }

    /// The payload as a type of the domain.
    ///
    /// # Errors
    ///
    /// See [`CloudEvent::data`].
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        self.event.data()
    }

    /// The stream it belongs to.
    pub fn stream(&self) -> &StreamName {
        &self.event.stream
    }
}

/// JSON text of a value.
pub fn raw(value: &Value) -> Box<RawValue> {
    RawValue::from_string(value.to_string()).expect("the text of a `Value` is JSON")
}
