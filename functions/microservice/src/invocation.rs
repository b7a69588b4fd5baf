//! What invokes microservice: a batch of a stream, a request, or the schedule.

use rewind::delivery::Nothing;
use rewind_aws::aws::http::Request;
use rewind_aws::aws::trigger::KinesisEvent;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};
use std::fmt;

/// What invokes microservice.
#[derive(Debug)]
pub enum Invocation {
    /// A trigger, with a batch of `events` or `replay`.
    Batch(KinesisEvent),
    /// API Gateway.
    Request(Box<Request>),
    /// The schedule: `{"sweep": {}}`. It fires deadlines, and publishes what
    /// dead processes have recorded.
    Sweep,
    /// By hand: `{"deadlines": {}}` fires what is due, and nothing else.
    Deadlines,
}

/// A payload that names a task.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Task {
    Sweep(Nothing),
    Deadlines(Nothing),
}

impl<'de> Deserialize<'de> for Invocation {
    /// A batch is large, and is read as what it is at once.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Payload;

        impl<'de> Visitor<'de> for Payload {
            type Value = Invocation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a batch of Kinesis, a request of API Gateway, {\"sweep\": {}} or {\"deadlines\": {}}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Invocation, A::Error> {
                let mut members = Map::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "Records" {
                        let records: Box<RawValue> = map.next_value()?;
                        while map.next_entry::<String, Value>()?.is_some() {}
                        let event = KinesisEvent::of(&records).map_err(A::Error::custom)?;
                        return Ok(Invocation::Batch(event));
                    }
                    members.insert(name, map.next_value()?);
                }
                let is_request = members.contains_key("routeKey");
                let members = Value::Object(members);
                match is_request {
                    true => serde_json::from_value(members)
                        .map(|request| Invocation::Request(Box::new(request))),
                    false => serde_json::from_value(members).map(|task| match task {
                        Task::Sweep(Nothing {}) => Invocation::Sweep,
                        Task::Deadlines(Nothing {}) => Invocation::Deadlines,
                    }),
                }
                .map_err(A::Error::custom)
            }
        }

        deserializer.deserialize_map(Payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Invocation, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn each_trigger_is_told_apart() {
        let batch = read(include_str!("../../../events/write.json")).unwrap();
        assert!(matches!(batch, Invocation::Batch(batch) if !batch.records.is_empty()));
        let request = read(include_str!("../../../events/ingest-events.json")).unwrap();
        assert!(matches!(request, Invocation::Request(_)));
        assert!(matches!(read(r#"{"sweep": {}}"#), Ok(Invocation::Sweep)));
        let deadlines = read(r#"{"deadlines": {}}"#);
        assert!(matches!(deadlines, Ok(Invocation::Deadlines)));
        assert!(matches!(
            read(r#"{"Records": []}"#),
            Ok(Invocation::Batch(_))
        ));
        for wrong in [
            "{}",
            "[]",
            r#"{"sweep": 1}"#,
            r#"{"swept": {}}"#,
            r#"{"Records": 7}"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
