//! An event as the outside knows it, without the library's own types: what is
//! compared is what was said, not what Rewind made of it.

use serde_json::{Value, json};

/// What was said under an id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fact {
    /// `None` while ingest has not given one.
    pub id: Option<String>,
    pub source: String,
    pub kind: String,
    pub stream: String,
    /// JSON, its fields sorted.
    pub data: String,
}

/// Who says something, and under which id.
pub type Identity = (String, String);

impl Fact {
    pub fn new(id: Option<String>, source: &str, kind: &str, stream: &str, data: &Value) -> Self {
        Self {
            id,
            source: source.to_string(),
            kind: kind.to_string(),
            stream: stream.to_string(),
            data: data.to_string(),
        }
    }

    /// Reads an event in CloudEvents' JSON; in a commit, whose stream is the
    /// item's, it does not name one.
    pub fn read(event: &Value, stream: Option<&str>) -> Self {
        let text = |name: &str| event[name].as_str().map(ToString::to_string);
        Self {
            id: text("id"),
            source: text("source").unwrap(),
            kind: text("type").unwrap(),
            stream: stream
                .map(ToString::to_string)
                .or_else(|| text("subject"))
                .unwrap(),
            data: event["data"].to_string(),
        }
    }

    pub fn identity(&self) -> Identity {
        (self.source.clone(), self.id.clone().unwrap_or_default())
    }

    pub fn data(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }

    pub fn category(&self) -> &str {
        self.stream.split_once('-').unwrap().0
    }

    pub fn cloudevent(&self) -> Value {
        let mut event = json!({
            "specversion": "1.0",
            "source": self.source,
            "type": self.kind,
            "subject": self.stream,
            "data": self.data(),
        });
        if let Some(id) = &self.id {
            event["id"] = id.clone().into();
        }
        event
    }
}
