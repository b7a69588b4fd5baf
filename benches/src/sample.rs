//! Events as a shop sends them, and batches of a Kinesis trigger that bring them.

use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{Batch, CloudEvent, StreamName, event::raw};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Whether the events of a sample are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// `#STREAM/N`.
    Numbers,
    /// What a client would make up.
    Claims,
}

/// The `nth` event of a stream: some 300 bytes in its commit.
pub fn event(stream: &str, nth: u64, ids: Ids) -> CloudEvent {
    let id = match ids {
        Ids::Numbers => format!("#{stream}/{nth}"),
        Ids::Claims => format!("01890dd5-ea3f-7000-8000-{nth:012x}-{stream}"),
    };
    let data = json!({
        "user_id": format!("user-{}", nth % 977),
        "product_id": format!("product-{}", nth % 89),
        "quantity": nth % 7 + 1,
        "cents": 1999 + nth % 500,
        "note": "left at the door, please ring twice",
    });
    CloudEvent {
        id,
        source: "/shop/web".into(),
        event_type: "product-added-to-cart".into(),
        stream: StreamName::new(stream).expect("it is a stream's name"),
        time: "2026-11-30T09:00:00.123456Z".into(),
        extensions: BTreeMap::from([("correlationid".to_string(), json!(format!("visit-{nth}")))]),
        data: raw(&data),
    }
}

/// `count` events over some streams in turn, from the `first` of each stream on.
pub fn events(prefix: &str, count: usize, streams: usize, first: u64, ids: Ids) -> Vec<CloudEvent> {
    let events = 0..count as u64;
    let streams = streams as u64;
    events
        .map(|nth| {
            let stream = format!("cart-{prefix}{}", nth % streams);
            event(&stream, first + nth / streams, ids)
        })
        .collect()
}

/// The payload of a trigger's invocation: a record for each event.
pub fn payload(events: &[CloudEvent]) -> Vec<u8> {
    let records = (0..).zip(events).map(|(nth, event)| {
        let packed = Batch::encode(std::slice::from_ref(event)).remove(0);
        record(nth, event.stream.as_str(), packed.text.as_bytes())
    });
    let records: Vec<Value> = records.collect();
    json!({ "Records": records }).to_string().into_bytes()
}

/// A record as Lambda hands it over.
pub fn record(nth: u64, key: &str, data: &[u8]) -> Value {
    let number = format!("4964{:052}", nth + 1);
    json!({
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": number,
            "data": STANDARD.encode(data),
            "approximateArrivalTimestamp": 1_764_493_200.123,
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": format!("shardId-000000000000:{number}"),
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": "arn:aws:iam::123456789012:role/rewind-pump",
        "awsRegion": "us-east-1",
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/rewind-incoming",
    })
}
