//! The event that a Kinesis event source mapping invokes with, as Lambda writes it.

use serde_json::json;

use crate::kinesis::Record;
use crate::template::{ACCOUNT, REGION};

/// A record as an event holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Prepared {
    pub sequence: String,
    pub arrival: f64,
    pub json: String,
}

/// A record's part of an event, as JSON text.
pub(super) fn prepare(record: &Record, shard: &str, stream_arn: &str, function: &str) -> Prepared {
    let json = json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence,
            "data": record.data,
            "approximateArrivalTimestamp": record.arrival,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("{shard}:{}", record.sequence),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": format!("arn:aws:iam::{ACCOUNT}:role/{function}"),
        "awsRegion": REGION,
        "eventSourceARN": stream_arn,
    });
    Prepared {
        sequence: record.sequence.clone(),
        arrival: record.arrival,
        json: json.to_string(),
    }
}

/// The whole event.
pub(super) fn event(records: &[Prepared]) -> String {
    let mut event = String::with_capacity(records.iter().map(bytes).sum::<usize>() + 16);
    event.push_str("{\"Records\":[");
    for (index, record) in records.iter().enumerate() {
        if index > 0 {
            event.push(',');
        }
        event.push_str(&record.json);
    }
    event.push_str("]}");
    event
}

/// How many bytes a record adds to an event.
pub(super) fn bytes(record: &Prepared) -> usize {
    record.json.len() + 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn an_event_has_the_shape_that_lambda_sends() {
        let record = Record {
            sequence: "4959".to_owned(),
            partition_key: "cart-456".to_owned(),
            data: "SGVsbG8=".to_owned(),
            arrival: 1_545_084_650.987,
        };
        let arn = "arn:aws:kinesis:us-east-1:000000000000:stream/events";
        let prepared = prepare(&record, "shardId-000000000006", arn, "app-write");
        let event: Value = serde_json::from_str(&event(&[prepared.clone(), prepared])).unwrap();
        assert_eq!(event["Records"].as_array().unwrap().len(), 2);
        assert_eq!(
            event["Records"][1],
            serde_json::json!({
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "cart-456",
                    "sequenceNumber": "4959",
                    "data": "SGVsbG8=",
                    "approximateArrivalTimestamp": 1_545_084_650.987,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": "shardId-000000000006:4959",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::000000000000:role/app-write",
                "awsRegion": "us-east-1",
                "eventSourceARN": arn,
            })
        );
    }
}
