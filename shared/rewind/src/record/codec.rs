//! Events as JSON: one shape, CloudEvents 1.0, on the streams and over HTTP,
//! and the same without what its item already says in a commit.

use super::event;
use crate::{CloudEvent, RecordedEvent, StreamName};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Value, value::RawValue};
use std::{collections::BTreeMap, fmt};

/// How an event is written down.
struct Shape<'a> {
    event: &'a CloudEvent,
    /// Version and position, where it is recorded.
    recorded_at: Option<(u64, u64)>,
    /// Within a commit, stream and place are the item's.
    in_commit: bool,
}

impl Serialize for Shape<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event;
        let mut map = serializer.serialize_map(None)?;
        if !self.in_commit {
            map.serialize_entry("specversion", "1.0")?;
        }
        map.serialize_entry("id", &event.id)?;
        map.serialize_entry("source", &event.source)?;
        map.serialize_entry("type", &event.event_type)?;
        if !self.in_commit {
            map.serialize_entry("subject", &event.stream)?;
        }
        map.serialize_entry("time", &event.time)?;
        if let Some((version, position)) = self.recorded_at {
            map.serialize_entry("version", &version)?;
            map.serialize_entry("position", &position)?;
        }
        for (name, value) in &event.extensions {
            map.serialize_entry(name, value)?;
        }
        // Binary data is an extension already: the two exclude each other.
        if event.data_base64().is_none() {
            map.serialize_entry("data", &event.data)?;
        }
        map.end()
    }
}

impl Serialize for CloudEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shape = Shape {
            event: self,
            recorded_at: None,
            in_commit: false,
        };
        shape.serialize(serializer)
    }
}

impl Serialize for RecordedEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shape = Shape {
            event: &self.event,
            recorded_at: Some((self.version, self.position)),
            in_commit: false,
        };
        shape.serialize(serializer)
    }
}

/// Writes the JSON text of one event within its commit behind what is there.
pub(crate) fn in_commit(event: &CloudEvent, text: &mut Vec<u8>) {
    let shape = Shape {
        event,
        recorded_at: None,
        in_commit: true,
    };
    serde_json::to_writer(text, &shape).expect("an event has text keys only, so it has JSON");
}

/// An event's attributes as read, before what is required is required.
#[derive(Default)]
pub(crate) struct Attributes {
    id: Option<String>,
    source: Option<String>,
    event_type: Option<String>,
    subject: Option<StreamName>,
    time: Option<String>,
    version: Option<u64>,
    position: Option<u64>,
    extensions: BTreeMap<String, Value>,
    data: Option<Box<RawValue>>,
}

impl Attributes {
    /// The event, whose stream is `stream` where it does not name its own.
    pub(crate) fn event<E: serde::de::Error>(
        self,
        stream: Option<&StreamName>,
    ) -> Result<CloudEvent, E> {
        Ok(CloudEvent {
            id: self.id.ok_or_else(|| E::missing_field("id"))?,
            source: self.source.ok_or_else(|| E::missing_field("source"))?,
            event_type: self.event_type.ok_or_else(|| E::missing_field("type"))?,
            stream: self
                .subject
                .or_else(|| stream.cloned())
                .ok_or_else(|| E::missing_field("subject"))?,
            time: self.time.ok_or_else(|| E::missing_field("time"))?,
            extensions: self.extensions,
            data: self.data.unwrap_or_else(|| event::raw(&Value::Null)),
        })
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Attributes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event: a JSON object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Attributes, M::Error> {
                let mut read = Attributes::default();
                while let Some(name) = map.next_key::<Name>()? {
                    match name.as_str() {
                        "specversion" => drop(map.next_value::<IgnoredAny>()?),
                        "id" => read.id = Some(text(&mut map, "id")?),
                        "source" => read.source = Some(text(&mut map, "source")?),
                        "type" => read.event_type = Some(text(&mut map, "type")?),
                        "subject" => {
                            let subject = StreamName::new(text(&mut map, "subject")?);
                            let subject = subject.map_err(|bad| {
                                M::Error::custom(format!("`subject`: the stream's name {bad}"))
                            });
                            read.subject = Some(subject?);
                        }
                        "time" => read.time = Some(text(&mut map, "time")?),
                        "version" => read.version = Some(number(&mut map, "version")?),
                        "position" => read.position = Some(number(&mut map, "position")?),
                        "data" => read.data = Some(map.next_value()?),
                        _ => drop(
                            read.extensions
                                .insert(name.into_string(), map.next_value()?),
                        ),
                    }
                }
                Ok(read)
            }
        }
        deserializer.deserialize_map(Reader)
    }
}

/// The name of an attribute: one of those that most events have takes no memory of
/// its own.
enum Name {
    Known(&'static str),
    Other(String),
}

/// The names that most events have.
const KNOWN: [&str; 9] = [
    "specversion",
    "id",
    "source",
    "type",
    "subject",
    "time",
    "version",
    "position",
    "data",
];

impl Name {
    fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Other(name) => name,
        }
    }

    fn into_string(self) -> String {
        match self {
            Self::Known(name) => name.to_string(),
            Self::Other(name) => name,
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Name, E> {
                let known = KNOWN.into_iter().find(|known| *known == name);
                Ok(known.map_or_else(|| Name::Other(name.to_string()), Name::Known))
            }
        }
        deserializer.deserialize_identifier(Reader)
    }
}

/// A text attribute. The message of a misfit names it and not what it holds.
fn text<'de, M: MapAccess<'de>>(map: &mut M, name: &str) -> Result<String, M::Error> {
    match map.next_value()? {
        Value::String(text) => Ok(text),
        _ => Err(M::Error::custom(format!("`{name}`: expected a text"))),
    }
}

/// See [`text`].
fn number<'de, M: MapAccess<'de>>(map: &mut M, name: &str) -> Result<u64, M::Error> {
    let number = map.next_value::<Value>()?.as_u64();
    number.ok_or_else(|| M::Error::custom(format!("`{name}`: expected a whole number")))
}

impl<'de> Deserialize<'de> for CloudEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Attributes::deserialize(deserializer)?.event(None)
    }
}

impl<'de> Deserialize<'de> for RecordedEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = Attributes::deserialize(deserializer)?;
        let place = read.version.zip(read.position);
        let (version, position) = place.ok_or_else(|| {
            D::Error::custom("`version` and `position`: a recorded event has both")
        })?;
        Ok(RecordedEvent {
            event: read.event(None)?,
            version,
            position,
        })
    }
}
