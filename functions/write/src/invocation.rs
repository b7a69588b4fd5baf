//! What invokes write: a batch of a stream, or the schedule.

use rewind::delivery::Nothing;
use rewind_aws::aws::trigger::KinesisEvent;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Value, value::RawValue};
use std::fmt;

/// What invokes write.
#[derive(Debug)]
pub enum Invocation {
    /// A trigger, with a batch of `events` or `replay`.
    Batch(KinesisEvent),
    /// The schedule: `{"tend": {}}`. It tends the tables in PostgreSQL.
    Tend,
}

impl<'de> Deserialize<'de> for Invocation {
    /// A batch is large, and is read as what it is at once.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Payload;

        impl<'de> Visitor<'de> for Payload {
            type Value = Invocation;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a batch of Kinesis or {\"tend\": {}}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Invocation, A::Error> {
                let mut invocation = None;
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "Records" => {
                            let records: Box<RawValue> = map.next_value()?;
                            let event = KinesisEvent::of(&records).map_err(A::Error::custom)?;
                            invocation = Some(Invocation::Batch(event));
                        }
                        "tend" => {
                            let Nothing {} = map.next_value()?;
                            invocation.get_or_insert(Invocation::Tend);
                        }
                        _ => {
                            map.next_value::<Value>()?;
                        }
                    }
                }
                let neither = || A::Error::custom("neither a batch of Kinesis nor {\"tend\": {}}");
                invocation.ok_or_else(neither)
            }
        }

        deserializer.deserialize_map(Payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_trigger_is_told_apart() {
        let read = |text: &str| serde_json::from_str::<Invocation>(text);
        let batch = read(include_str!("../../../events/write.json")).unwrap();
        assert!(matches!(batch, Invocation::Batch(batch) if !batch.records.is_empty()));
        assert!(matches!(read(r#"{"tend": {}}"#), Ok(Invocation::Tend)));
        for wrong in ["{}", "[]", r#"{"tend": 1}"#, r#"{"Records": 7}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
