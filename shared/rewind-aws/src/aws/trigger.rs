//! A batch of a Kinesis trigger, as Lambda hands it over: what the functions need
//! of it, read in one pass that copies nothing but each record's bytes.
//!
//! The Lambda runtime reads payloads through a layer that notes the path of each
//! value. It costs more than all else that is done with a batch, so that this takes
//! the text as it is first.

use super::batch::Record;
use serde::{Deserialize, Deserializer, de::Error};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A batch of a shard.
#[derive(Debug, Clone, Default)]
pub struct KinesisEvent {
    /// The shard, with its stream: `incoming/shardId-000`.
    pub shard: String,
    /// Its records, in the shard's order.
    pub records: Vec<Record>,
}

/// The payload.
#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "Records")]
    records: Box<RawValue>,
}

/// A record, whose names are AWS's.
#[derive(Deserialize)]
struct Sent<'a> {
    #[serde(borrow, default, rename = "eventID")]
    id: Cow<'a, str>,
    #[serde(borrow, default, rename = "eventSourceARN")]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    kinesis: Kinesis<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kinesis<'a> {
    #[serde(borrow)]
    sequence_number: Cow<'a, str>,
    /// In seconds since 1970.
    approximate_arrival_timestamp: f64,
    /// Base64.
    #[serde(borrow)]
    data: Cow<'a, str>,
}

impl KinesisEvent {
    /// Reads the member `Records` of a payload.
    ///
    /// # Errors
    ///
    /// When it is not what Lambda sends.
    pub fn of(records: &RawValue) -> Result<Self, serde_json::Error> {
        let sent: Vec<Sent<'_>> = serde_json::from_str(records.get())?;
        let shard = sent.first().map(Sent::shard).unwrap_or_default();
        let records = sent.into_iter().map(Sent::record);
        Ok(Self {
            shard,
            records: records.collect::<Result<_, _>>()?,
        })
    }
}

impl<'de> Deserialize<'de> for KinesisEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Payload { records } = Payload::deserialize(deserializer)?;
        Self::of(&records).map_err(D::Error::custom)
    }
}

impl Sent<'_> {
    fn shard(&self) -> String {
        let stream = self.stream.rsplit('/').next().unwrap_or_default();
        let shard = self.id.split(':').next().unwrap_or_default();
        format!("{stream}/{shard}")
    }

    fn record(self) -> Result<Record, serde_json::Error> {
        let kinesis = self.kinesis;
        let data = base64_simd::STANDARD.decode_to_vec(kinesis.data.as_bytes());
        let no_base64 = |_| serde_json::Error::custom("a record's data is not base64");
        Ok(Record {
            sequence_number: kinesis.sequence_number.into_owned(),
            arrived: (kinesis.approximate_arrival_timestamp * 1_000.0).round() as u64,
            data: data.map_err(no_base64)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_of_lambdas_is_read() {
        let text = include_str!("../../../../events/write.json");
        let event: KinesisEvent = serde_json::from_str(text).unwrap();
        let same: serde_json::Value = serde_json::from_str(text).unwrap();
        let again: KinesisEvent = serde_json::from_value(same.clone()).unwrap();
        assert_eq!(event.records.len(), again.records.len());
        let first = &same["Records"][0];
        let shard = first["eventID"].as_str().unwrap().split(':').next();
        assert!(event.shard.ends_with(&format!("/{}", shard.unwrap())));
        let number = &event.records[0].sequence_number;
        assert_eq!(*number, first["kinesis"]["sequenceNumber"]);
        let seconds = first["kinesis"]["approximateArrivalTimestamp"].as_f64();
        let arrived = event.records[0].arrived as f64 / 1_000.0;
        assert!((arrived - seconds.unwrap()).abs() < 0.001);
        assert!(!event.records[0].data.is_empty());
    }

    #[test]
    fn what_lambda_does_not_send_is_refused() {
        for wrong in [
            "{}",
            "[]",
            r#"{"Records": 7}"#,
            r#"{"Records": [{"kinesis": {"sequenceNumber": "1", "approximateArrivalTimestamp": 1.0, "data": "?"}}]}"#,
        ] {
            assert!(
                serde_json::from_str::<KinesisEvent>(wrong).is_err(),
                "{wrong}"
            );
        }
        let none: KinesisEvent = serde_json::from_str(r#"{"Records": []}"#).unwrap();
        assert!(none.records.is_empty() && none.shard.is_empty());
    }
}
