//! What each function tells in its metrics: what it really did.

mod lines;
#[allow(dead_code, reason = "each test file uses its own part")]
#[path = "../capacity/meter.rs"]
mod meter;
#[path = "../support/mod.rs"]
mod support;
mod system;

use base64::{Engine, engine::general_purpose::STANDARD};
use lines::only;
use rewind::{
    Batch, Delivery, Envelope, NewEvent, RecordedEvent, Rejection, Rule, Service, StreamName,
};
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{
    aws::clock::now,
    metrics::{Metrics, catalog::*},
    project::projector::Projector,
    sequence::sequencer::Sequencer,
};
use serde_json::json;
use support::{Aws, CountEvent, event, recorded, service};

/// A trigger's batch of these records, which arrived five seconds ago.
fn batch(records: &[Vec<u8>]) -> KinesisEvent {
    let arrived = now().as_millisecond() as f64 / 1000.0 - 5.0;
    let records = records.iter().enumerate().map(|(nth, data)| {
        json!({
            "eventID": format!("shardId-000000000000:{nth}"), "eventVersion": "1.0",
            "eventSource": "aws:kinesis", "eventName": "aws:kinesis:record", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/any",
            "kinesis": {
                "kinesisSchemaVersion": "1.0", "partitionKey": "any", "sequenceNumber": nth.to_string(),
                "data": STANDARD.encode(data), "approximateArrivalTimestamp": arrived + nth as f64,
            },
        })
    });
    serde_json::from_value(json!({"Records": records.collect::<Vec<_>>()})).unwrap()
}

/// A record for the events of one stream.
fn delivered(events: &[RecordedEvent]) -> Vec<u8> {
    Delivery::encode(events, None).remove(0).text.into_bytes()
}

#[track_caller]
fn is_old_as_the_oldest(line: &lines::Line) {
    let age = line.value(BATCH_AGE);
    assert!((5_000.0..60_000.0).contains(&age), "{age} ms");
}

#[tokio::test]
async fn pump_tells_what_became_of_its_events() {
    let aws = Aws::start().await;
    let (metrics, written) = Metrics::in_memory("test");
    let sequencer = Sequencer::new(aws.events());
    let pump = pump::Handler::new(sequencer, aws.stream("EventsStream"), aws.data());
    let pump = pump.with_metrics(metrics.clone());
    let accepted = |events: &[rewind::CloudEvent]| {
        let batch = Batch::encode(events).remove(0);
        batch.text.into_bytes()
    };
    let first = [event("count-1", "a", 1), event("count-1", "b", 2)];
    let other = event("count-1", "a", 99);
    let records = [
        accepted(&first),
        accepted(&first[..1]),
        accepted(&[other]),
        b"no events".to_vec(),
    ];
    let answer = pump.handle(batch(&records)).await;
    assert!(answer.batch_item_failures.is_empty());
    let line = only(&written);
    // Two events, the report of a conflict, and a parked record.
    assert_eq!(line.value(RECORDED), 4.0);
    assert_eq!(line.value(REPEATED), 1.0);
    assert_eq!(line.value(CONFLICTS), 1.0);
    assert_eq!(line.value(UNREADABLE), 1.0);
    assert_eq!(line.value(FAILED_RECORDS), 0.0);
    is_old_as_the_oldest(&line);

    // Nothing can be recorded: both records come again.
    let nowhere = Sequencer::new(aws.clients.event_store("no-such-table"));
    let pump = pump::Handler::new(nowhere, aws.stream("EventsStream"), aws.data());
    let pump = pump.with_metrics(metrics);
    pump.handle(batch(&[accepted(&first), accepted(&first)]))
        .await;
    let line = only(&written);
    assert_eq!(
        (line.value(RECORDED), line.value(FAILED_RECORDS)),
        (0.0, 2.0)
    );
    aws.system.stop().await;
}

#[tokio::test]
async fn write_tells_what_it_folded_and_what_stalls() {
    let aws = Aws::start().await;
    let (metrics, written) = Metrics::in_memory("test");
    let events = [
        event("count-1", "a", 1),
        event("count-1", "b", 2),
        // The fold of sums panics.
        event("count-2", "c", 13),
    ];
    Sequencer::new(aws.events()).record(&events).await;
    let one = recorded(&aws.events(), "count-1").await;
    let two = recorded(&aws.events(), "count-2").await;
    let projector = || Projector::new(service(), aws.events(), aws.data());
    let write = write::Handler::new(projector(), service(), aws.data());
    let write = write.with_metrics(metrics.clone());
    let records = [delivered(&one), delivered(&two)];
    let answer = write.handle(batch(&records)).await.unwrap();
    assert!(answer.batch_item_failures.is_empty());
    let line = only(&written);
    // Into sums two and none, into digits two and one.
    assert_eq!(line.value(APPLIED), 5.0);
    // The sum of count-1, and the digits 1, 2 and 3.
    assert_eq!(line.value(ROWS_WRITTEN), 4.0);
    assert_eq!(line.value(STALLS), 1.0);
    assert_eq!(line.value(FAILED_RECORDS), 0.0);
    is_old_as_the_oldest(&line);

    // Delivered again, nothing is new, and the stream is still stalled.
    write.handle(batch(&records)).await.unwrap();
    let line = only(&written);
    let values = [APPLIED, ROWS_WRITTEN, STALLS].map(|metric| line.value(metric));
    assert_eq!(values, [0.0, 0.0, 1.0]);

    // What cannot be read fails from its record on.
    let nowhere = aws.clients.event_store("no-such-table");
    let projector = Projector::new(service(), nowhere, aws.data());
    let write = write::Handler::new(projector, service(), aws.data()).with_metrics(metrics);
    let gap = RecordedEvent {
        version: 7,
        ..one[1].clone()
    };
    let records = [delivered(&one), delivered(&[gap])];
    write.handle(batch(&records)).await.unwrap();
    assert_eq!(only(&written).value(FAILED_RECORDS), 2.0);
    aws.system.stop().await;
}

/// Notes every number but 13.
struct Notes;
impl Rule for Notes {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "notes";
    fn react(event: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        let n = event.data.number().n;
        if n == 13 {
            return Err(Rejection::new("thirteen"));
        }
        let note = StreamName::new("note-1")?;
        Ok(vec![NewEvent::untyped(note, "noted", json!({"n": n}))])
    }
}

#[tokio::test]
async fn microservice_tells_what_it_emitted_and_what_stalls() {
    let aws = Aws::start().await;
    let (metrics, written) = Metrics::in_memory("test");
    let events = [
        event("count-1", "a", 1),
        event("count-1", "b", 2),
        event("count-2", "c", 13),
    ];
    Sequencer::new(aws.events()).record(&events).await;
    let one = recorded(&aws.events(), "count-1").await;
    let two = recorded(&aws.events(), "count-2").await;
    let microservice = |incoming: &str| {
        let incoming = aws.clients.stream_named(incoming);
        let commands = aws.commands(Service::new().rule::<Notes>());
        microservice::Handler::new(commands, incoming)
    };
    let records = [delivered(&one), delivered(&two)];
    // Nothing can be sent: nothing is emitted, and all comes again.
    let nowhere = microservice("no-such-stream");
    let nowhere = nowhere.with_metrics(metrics.clone());
    nowhere.handle(batch(&records)).await.unwrap();
    let line = only(&written);
    assert_eq!(
        (line.value(EMITTED), line.value(FAILED_RECORDS)),
        (0.0, 2.0)
    );

    let incoming = aws.system.stream("IncomingStream").unwrap();
    let microservice = microservice(&incoming);
    let microservice = microservice.with_metrics(metrics);
    for emitted in [2.0, 0.0] {
        microservice.handle(batch(&records)).await.unwrap();
        let line = only(&written);
        assert_eq!(line.value(EMITTED), emitted, "once");
        assert_eq!(line.value(STALLS), 1.0);
        assert_eq!(line.value(FAILED_RECORDS), 0.0);
        is_old_as_the_oldest(&line);
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn a_handler_without_metrics_writes_none_and_answers_the_same() {
    let aws = Aws::start().await;
    let (metrics, written) = Metrics::in_memory("test");
    let incoming = || aws.stream("IncomingStream");
    let request = {
        let sample = include_str!("../../../../events/ingest-events.json");
        serde_json::from_str(sample).unwrap()
    };
    let silent = ingest::Handler::new(service::service(), incoming());
    let silent = silent.handle(&request).await;
    assert!(written.take().is_empty());
    let telling = ingest::Handler::new(service::service(), incoming()).with_metrics(metrics);
    let telling = telling.handle(&request).await;
    assert_eq!(silent.body, telling.body);
    let line = only(&written);
    assert_eq!((line.value(ACCEPTED), line.value(REFUSED)), (1.0, 0.0));
    aws.system.stop().await;
}
