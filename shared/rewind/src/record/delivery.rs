//! What a Kinesis record holds: on `incoming` a [`Batch`] of accepted events,
//! on `events` and `replay` a [`Delivery`] of recorded ones.

use super::{kpl::AggregatedRecord, misfit};
use crate::{CloudEvent, RecordedEvent, Selection, StreamName};
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use std::fmt;

/// The most bytes that Rewind puts into one Kinesis record. The limit is 1 MiB
/// with the partition key, by default.
pub const MAX_RECORD: usize = 1_000_000;

/// Accepted events of one stream, in order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Batch {
    /// The events.
    pub events: Vec<CloudEvent>,
}

/// Recorded events of one stream, in order: live, or sent again by a playback.
/// A replayed event is the recorded event unchanged; all that the replay wants
/// stands beside it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// Only where a playback sends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// The events.
    pub events: Vec<RecordedEvent>,
}

/// What a playback says beside the events that it sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Replay {
    /// The playback.
    pub id: String,
    /// Whom it is for: nobody else may take it.
    pub to: Vec<Receiver>,
    /// Which events it sends, where not all of a stream: what a receiver reads
    /// from the events table itself is then to be cut alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selection: Option<Selection>,
    /// Where the playback is, in a delivery that has no events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<Marker>,
}

/// Whom a playback is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Receiver {
    /// A generation of a projection.
    Projection(Target),
    /// A subscriber outside of Rewind, which reads the replay stream and takes
    /// what is for its name.
    Subscriber {
        /// Its name.
        subscriber: String,
    },
    /// The adapters and rules: they emit what they have not emitted yet.
    Microservice {
        /// Nothing to say, so far.
        microservice: Nothing,
    },
}

/// An empty object.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Where a playback is. A page that was sent twice, because the playback died
/// in between, counts once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Marker {
    /// It begins.
    Start,
    /// All of a partition is sent, or of a stream that was asked for by its name.
    EndOfPartition {
        /// `category#partition`, or the stream.
        partition: String,
        /// How many events it sent of it.
        events: u64,
    },
    /// All is sent.
    End {
        /// How many events it sent in all.
        events: u64,
    },
}

impl Replay {
    /// Of everything, and nothing but projections may act on it.
    pub fn new(id: impl Into<String>, to: impl IntoIterator<Item = Receiver>) -> Self {
        Self {
            id: id.into(),
            to: to.into_iter().collect(),
            selection: None,
            marker: None,
        }
    }

    /// The generations that it is for.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.to.iter().filter_map(Receiver::target)
    }

    /// Whether it is for a subscriber of this name.
    pub fn is_for_subscriber(&self, name: &str) -> bool {
        let mut to = self.to.iter();
        to.any(|to| matches!(to, Receiver::Subscriber { subscriber } if subscriber == name))
    }

    /// Whether it is for the adapters and rules.
    pub fn is_for_microservice(&self) -> bool {
        let mut to = self.to.iter();
        to.any(|to| matches!(to, Receiver::Microservice { .. }))
    }
}

impl Receiver {
    /// The generation, where it is one.
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Projection(target) => Some(target),
            Self::Subscriber { .. } | Self::Microservice { .. } => None,
        }
    }
}

/// A generation of a projection, as the receiver of a playback.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct Target {
    /// The projection's name.
    pub projection: String,
    /// The generation that is being built.
    pub generation: u64,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.projection, self.generation)
    }
}

/// A record's text, and how many of the events it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The JSON text.
    pub text: String,
    /// How many events.
    pub events: usize,
}

impl Batch {
    /// Cuts a run of events of one stream into texts of at most
    /// [`MAX_RECORD`] bytes each.
    pub fn encode(events: &[CloudEvent]) -> Vec<Packed> {
        pack("", events)
    }

    /// Reads a record of `incoming`.
    ///
    /// # Errors
    ///
    /// When the bytes are no batch; the message says where.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        decode(bytes)
    }
}

impl Delivery {
    /// The record of a marker: it has no events.
    pub fn marker(replay: &Replay, marker: Marker) -> Vec<u8> {
        let replay = Replay {
            marker: Some(marker),
            ..replay.clone()
        };
        let delivery = Self {
            replay: Some(replay),
            events: Vec::new(),
        };
        serde_json::to_vec(&delivery).expect("a delivery has text keys only, so it has JSON")
    }

    /// Cuts a run of recorded events of one stream into texts of at most
    /// [`MAX_RECORD`] bytes each.
    pub fn encode(events: &[RecordedEvent], replay: Option<&Replay>) -> Vec<Packed> {
        // A header that is lost would make a live delivery of a replay.
        let head = replay.map_or(String::new(), |replay| {
            let head = serde_json::to_string(replay);
            let head = head.expect("a replay has text keys only, so it has JSON");
            format!("\"replay\":{head},")
        });
        pack(&head, events)
    }

    /// Packs runs of several streams into as few Kinesis records as hold them,
    /// in the KPL's aggregated format: a user record for each run, under its
    /// stream's name. Streams keep their order if the records do.
    pub fn aggregate<'a>(
        runs: impl IntoIterator<Item = (&'a StreamName, &'a [RecordedEvent])>,
        replay: Option<&Replay>,
    ) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        let mut record = AggregatedRecord::default();
        for (stream, events) in runs {
            for packed in Self::encode(events, replay) {
                let (key, data) = (stream.as_str(), packed.text.into_bytes());
                if !record.has_room(key, &data, MAX_RECORD) {
                    records.extend(std::mem::take(&mut record).finish());
                }
                record.add(key, data);
            }
        }
        records.extend(record.finish());
        records
    }

    /// Reads a user record of `events` or `replay`: see
    /// [`user_records`](crate::kpl::user_records).
    ///
    /// # Errors
    ///
    /// When the bytes are no delivery; the message says where.
    pub fn decode(bytes: &[u8]) -> Result<Self, Unreadable> {
        decode(bytes)
    }

    /// Reads a user record as [`decode`](Self::decode) does, unless it is of a
    /// replay that the reader does not want: its events are passed over then, which
    /// costs far less than to read them.
    ///
    /// # Errors
    ///
    /// When the bytes are no delivery; the message says where.
    pub fn decode_if(
        bytes: &[u8],
        is_wanted: fn(&Replay) -> bool,
    ) -> Result<Option<Self>, Unreadable> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let read = If(is_wanted).deserialize(&mut reader);
        let read = read.and_then(|delivery| reader.end().map(|()| delivery));
        read.map_err(|error| Unreadable(misfit::words(&error)))
    }
}

/// Reads a delivery whose replay, if it is of one, is wanted.
struct If(fn(&Replay) -> bool);

impl<'de> DeserializeSeed<'de> for If {
    type Value = Option<Delivery>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for If {
    type Value = Option<Delivery>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a delivery: a JSON object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut replay: Option<Replay> = None;
        let mut events: Option<Vec<RecordedEvent>> = None;
        let mut is_wanted = true;
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                // It stands in front of the events.
                "replay" => {
                    replay = map.next_value()?;
                    is_wanted = replay.as_ref().is_none_or(self.0);
                }
                "events" if is_wanted => events = Some(map.next_value()?),
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !is_wanted {
            return Ok(None);
        }
        let events = events.ok_or_else(|| M::Error::missing_field("events"))?;
        Ok(Some(Delivery { replay, events }))
    }
}

/// Why bytes are no batch or no delivery; it quotes none of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    serde_json::from_slice(bytes).map_err(|error| Unreadable(misfit::words(&error)))
}

fn pack<T: Serialize>(head: &str, events: &[T]) -> Vec<Packed> {
    let open = format!("{{{head}\"events\":[");
    let mut records: Vec<Packed> = Vec::new();
    for event in events {
        let text = serde_json::to_string(event);
        let text = text.expect("an event has text keys only, so it has JSON");
        match records.last_mut() {
            Some(record) if record.text.len() + text.len() + 3 <= MAX_RECORD => {
                record.text.push(',');
                record.text.push_str(&text);
                record.events += 1;
            }
            _ => records.push(Packed {
                text: format!("{open}{text}"),
                events: 1,
            }),
        }
    }
    for record in &mut records {
        record.text.push_str("]}");
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::raw;
    use serde_json::json;

    fn recorded() -> RecordedEvent {
        let event = json!({
            "id": "1", "source": "/s", "type": "t", "subject": "a-1",
            "time": "2026-11-30T09:00:00Z", "version": 1, "position": 7,
        });
        let mut event: RecordedEvent = serde_json::from_value(event).unwrap();
        event.event.data = raw(&json!({"n": 1}));
        event
    }

    fn read(text: &str, is_wanted: fn(&Replay) -> bool) -> Result<Option<usize>, Unreadable> {
        let read = Delivery::decode_if(text.as_bytes(), is_wanted)?;
        Ok(read.map(|delivery| delivery.events.len()))
    }

    #[test]
    fn what_is_not_wanted_is_passed_over_and_nothing_else_is() {
        let replay = Replay::new(
            "p",
            [Receiver::Subscriber {
                subscriber: "s".into(),
            }],
        );
        let live = Delivery::encode(&[recorded()], None).remove(0).text;
        let replayed = Delivery::encode(&[recorded()], Some(&replay))
            .remove(0)
            .text;
        assert_eq!(read(&live, |_| false), Ok(Some(1)));
        assert_eq!(read(&replayed, |_| true), Ok(Some(1)));
        assert_eq!(
            read(&replayed, |replay| replay.is_for_subscriber("s")),
            Ok(Some(1))
        );
        assert_eq!(read(&replayed, Replay::is_for_microservice), Ok(None));
        let marker = Delivery::marker(&replay, Marker::Start);
        assert_eq!(
            read(std::str::from_utf8(&marker).unwrap(), |_| false),
            Ok(None)
        );
        // Whoever else writes it: the receiver may stand behind the events.
        let head = serde_json::to_string(&replay).unwrap();
        let behind = live.replace("}]}", &format!("}}],\"replay\":{head}}}"));
        assert_eq!(read(&behind, |_| true), Ok(Some(1)));
        assert_eq!(read(&behind, |_| false), Ok(None));
        for wrong in [
            "",
            "7",
            "{}",
            "{\"events\": 7}",
            "{\"replay\": 7, \"events\": []}",
        ] {
            assert_eq!(
                read(wrong, |_| true).is_err(),
                Delivery::decode(wrong.as_bytes()).is_err()
            );
            assert!(read(wrong, |_| true).is_err(), "{wrong}");
        }
        assert!(read(&format!("{live}x"), |_| true).is_err());
    }
}
