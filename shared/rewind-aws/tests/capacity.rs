//! What an event costs on its way through pump: requests and capacity, as
//! DynamoDB reports them and as the 1 KB rule says.

#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "capacity/meter.rs"]
mod meter;
mod support;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::config::Credentials;
use aws_smithy_http_client::Builder;
use base64::{Engine, engine::general_purpose::STANDARD};
use meter::{Meter, Reading};
use pump::Handler;
use rewind::{Batch, CloudEvent, RecordedEvent};
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{sequence::sequencer::Sequencer, wiring::Clients};
use serde_json::json;
use support::{Aws, event, recorded};

/// pump, its requests metered.
async fn pump(aws: &Aws) -> (Handler, Meter) {
    let meter = Meter::around(Builder::new().build_http());
    let clients = async |endpoint: &str| {
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(meter.clone())
            .region(Region::new("us-east-1"))
            .credentials_provider(Credentials::new("operator", "local", None, None, "local"))
            .endpoint_url(endpoint)
            .load();
        Clients::new(config.await)
    };
    let system = &aws.system;
    let dynamodb = clients(system.dynamodb_endpoint()).await;
    let kinesis = clients(system.kinesis_endpoint()).await;
    let events = dynamodb.event_store(system.table("EventsTable").unwrap());
    let published = kinesis.stream_named(system.stream("EventsStream").unwrap());
    let store = dynamodb.data_store(system.table("DataTable").unwrap());
    let pump = Handler::new(Sequencer::new(events), published, store);
    (pump, meter)
}

/// A trigger's batch: one record for each run of a stream.
fn batch(events: &[CloudEvent]) -> KinesisEvent {
    let records = events.chunk_by(|a, b| a.stream == b.stream).zip(0..);
    let records = records.map(|(run, nth)| {
        let packed = Batch::encode(run).remove(0);
        let data = STANDARD.encode(packed.text);
        json!({
            "awsRegion": "us-east-1",
            "eventID": format!("shardId-000000000000:{nth}"),
            "eventName": "aws:kinesis:record",
            "eventSource": "aws:kinesis",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/incoming",
            "eventVersion": "1.0",
            "invokeIdentityArn": "arn:aws:iam::000000000000:role/rewind",
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": run[0].stream,
                "sequenceNumber": nth.to_string(),
                "approximateArrivalTimestamp": 1_681_894_800.0,
                "data": data,
            },
        })
    });
    serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()})).unwrap()
}

/// An event that takes 300 bytes in its commit.
fn event_of_300_bytes(stream: &str, nth: usize) -> CloudEvent {
    let mut sized = event(stream, &format!("{stream}/{nth:06}"), 0);
    let missing = 300 - rewind::commit::size_of(&sized) - ",\"pad\":\"\"".len();
    let data = json!({"n": 0, "pad": "x".repeat(missing)});
    sized.data = rewind::event::raw(&data);
    assert_eq!(rewind::commit::size_of(&sized), 300);
    sized
}

async fn pumped(pump: &Handler, meter: &Meter, events: &[CloudEvent]) -> Reading {
    meter.take();
    let answer = pump.handle(batch(events)).await;
    assert_eq!(answer.batch_item_failures, []);
    meter.take()
}

/// What the 1 KB rule says: one for the batch, which says how far pump has come,
/// a unit for each begun KB of the commit's item, one for its index entry (keys and a length only), one for each identity,
/// and one for the stream, which is new, in the list of streams.
fn by_the_rule(events: &[RecordedEvent]) -> f64 {
    let texts: usize = events
        .iter()
        .map(|event| rewind::commit::size_of(&event.event) + 1)
        .sum();
    // Names and values beside the events: stream, version, length, slice,
    // position, reversal.
    let item = texts + 1 + 100;
    (1 + item.div_ceil(1024) + 1 + events.len() + 1) as f64
}

#[tokio::test]
async fn an_event_costs_what_was_promised() {
    let aws = Aws::start().await;
    let (pump, meter) = pump(&aws).await;

    let single = pumped(&pump, &meter, &[event_of_300_bytes("count-single", 0)]).await;
    println!("one event, new stream: {single:?}");
    assert!(single.write_units <= 5.0, "{single:?}");
    let rule = by_the_rule(&recorded(&aws.events(), "count-single").await);
    assert_eq!(single.write_units, rule);

    let ten: Vec<CloudEvent> = (0..10)
        .map(|nth| event_of_300_bytes("count-ten", nth))
        .collect();
    let run = pumped(&pump, &meter, &ten).await;
    println!("ten events of one stream: {run:?}");
    assert!(run.write_units / 10.0 <= 1.7, "{run:?}");
    let rule = by_the_rule(&recorded(&aws.events(), "count-ten").await);
    assert_eq!(run.write_units, rule);

    for (streams, rounds) in [(1, 2), (10, 2), (100, 2)] {
        for round in 0..rounds {
            let events = (0..100).map(|nth| {
                let stream = format!("count-{streams}.{}", nth * streams / 100);
                event_of_300_bytes(&stream, round * 100 + nth)
            });
            let reading = pumped(&pump, &meter, &events.collect::<Vec<_>>()).await;
            let requests = reading.all_requests() as f64 / 100.0;
            println!(
                "100 events of {streams} streams, round {round}: {requests} requests an event, {reading:?}"
            );
            assert!(requests <= 0.15, "{streams} streams: {reading:?}");
        }
    }
    aws.system.stop().await;
}
