//! `GET /health` while something does not move: it says which reader, and why.

mod support;

use aws_lambda_events::encodings::Body;
use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{Batch, CloudEvent, Delivery, Target};
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{
    aws::{
        batch::{Failures, Record},
        http::Request,
        producer::Outgoing,
    },
    data_table::{key::Key, shard::Shards},
    playback::{player::Player, record, state::State},
    project::projector::Projector,
    sequence::sequencer::Sequencer,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{Aws, delivery, event, recorded, service};

const MINUTE: Duration = Duration::from_secs(60);

async fn health(aws: &Aws, patience: Duration) -> Value {
    let incoming = aws.stream("IncomingStream");
    let query = query::Handler::new(service(), aws.events(), aws.data(), incoming);
    let mut request = Request::default();
    request.route_key = Some("GET /health".into());
    let answer = query.with_patience(patience).handle(&request).await;
    assert_eq!(answer.status_code, 200);
    match answer.body {
        Some(Body::Text(text)) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn why(health: &Value) -> String {
    let why = health["why"].as_array().unwrap().iter();
    why.map(|why| why.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("; ")
}

#[tokio::test]
async fn a_reader_that_does_not_move_while_there_is_more_is_named() {
    let aws = Aws::start().await;
    assert_eq!(health(&aws, Duration::ZERO).await["status"], "ok");
    let events = [event("count-1", "a", 1), event("count-1", "b", 2)];
    Sequencer::new(aws.events()).record(&events).await;
    // Events may wait for a moment.
    let young = health(&aws, MINUTE).await;
    assert_eq!((&young["status"], &*why(&young)), (&json!("ok"), ""));
    let late = health(&aws, Duration::ZERO).await;
    assert_eq!(late["status"], "behind");
    for reader in ["sums@1", "digits@1"] {
        assert!(
            why(&late).contains(&format!("{reader} has not moved")),
            "{late}"
        );
        let told = late["readers"].as_array().unwrap().iter();
        let told = told.filter(|told| told["reader"] == reader);
        assert_eq!(told.map(|told| &told["events"]).collect::<Vec<_>>(), [2]);
    }
    assert!(
        !why(&late).contains("hoards"),
        "it has nothing to read: {late}"
    );
    let projector = Projector::new(service(), aws.events(), aws.data());
    let events = recorded(&aws.events(), "count-1").await;
    projector.project(&[delivery(&events)]).await.unwrap();
    let done = health(&aws, Duration::ZERO).await;
    assert_eq!((&done["status"], &*why(&done)), (&json!("ok"), ""));
    aws.system.stop().await;
}

#[tokio::test]
async fn what_waits_for_pump_is_told_whatever_pump_has_said() {
    let aws = Aws::start().await;
    let put = async |events: &[CloudEvent]| {
        let data = Batch::encode(events).remove(0).text.into_bytes();
        let key = events[0].stream.to_string();
        let incoming = aws.stream("IncomingStream");
        let put = incoming.put_in_order(&[Outgoing { key, data }]).await;
        assert_eq!(put, [Ok(())]);
    };
    let first = [event("hoard-1", "a", 1), event("hoard-1", "b", 2)];
    put(&first).await;
    let waiting = health(&aws, Duration::ZERO).await;
    assert_eq!(waiting["status"], "behind");
    assert_eq!(waiting["readers"][0]["reader"], "pump");
    assert_eq!(waiting["readers"][0]["events"], 2);
    assert!(why(&waiting).contains("pump has not moved"), "{waiting}");
    // Recorded, though nobody has said so: the events table is the truth.
    Sequencer::new(aws.events()).record(&first).await;
    let done = health(&aws, Duration::ZERO).await;
    assert_eq!(done["readers"][0]["events"], 0, "{done}");
    // Sent twice, it waits twice.
    put(&[event("hoard-1", "c", 3)]).await;
    put(&[event("hoard-1", "c", 3)]).await;
    let waiting = health(&aws, Duration::ZERO).await;
    assert_eq!(waiting["readers"][0]["events"], 2, "{waiting}");
    aws.system.stop().await;
}

fn batch(numbers: &[&str]) -> Vec<Record> {
    let records = numbers.iter().map(|number| Record {
        sequence_number: (*number).to_string(),
        arrived: 0,
        data: Vec::new(),
    });
    records.collect()
}

#[tokio::test]
async fn a_shard_whose_batch_fails_again_and_again_is_named_until_it_goes_on() {
    let aws = Aws::start().await;
    let shards = Shards::new("write", aws.data());
    let tell = async |records: &[Record], failures: Failures| {
        let known = shards.known("events/shard-0").await;
        shards
            .tell("events/shard-0", records, &failures, known)
            .await;
    };
    tell(
        &batch(&["1", "2"]),
        Failures::from([(1, "no such row".into())]),
    )
    .await;
    let failing = health(&aws, Duration::ZERO).await;
    assert_eq!(failing["status"], "failing");
    assert!(why(&failing).contains("write has failed at events/shard-0"));
    let report = failing["failing"][0].clone();
    assert_eq!(report["sequence_number"], "2");
    assert_eq!(report["reason"], "no such row");
    // The same record keeps its time, the next one gets its own.
    tell(
        &batch(&["2", "3"]),
        Failures::from([(0, "still none".into())]),
    )
    .await;
    let again = health(&aws, MINUTE).await["failing"][0].clone();
    assert_eq!(
        (&again["since"], &again["reason"]),
        (&report["since"], &json!("still none"))
    );
    assert_eq!(
        health(&aws, MINUTE).await["status"],
        "ok",
        "it may fail for a moment"
    );
    tell(&batch(&["2", "3"]), Failures::new()).await;
    assert_eq!(health(&aws, Duration::ZERO).await["failing"], json!([]));
    aws.system.stop().await;
}

#[tokio::test]
async fn a_function_says_itself_that_its_batch_fails() {
    let aws = Aws::start().await;
    // A data store that has a table for reports, and an events table that is
    // not there: whatever has to be read of it fails.
    let events = aws.clients.event_store("rewind-no-such-table");
    let projector = Projector::new(service(), events, aws.data());
    let write = write::Handler::new(projector, service(), aws.data());
    Sequencer::new(aws.events())
        .record(&[event("count-1", "a", 1), event("count-1", "b", 2)])
        .await;
    // The first event is missing, so that it has to be read.
    let second = recorded(&aws.events(), "count-1").await.remove(1);
    let text = rewind::Delivery::encode(&[second], None).remove(0).text;
    let answer = write.handle(trigger(&text)).await.unwrap();
    assert_eq!(answer.batch_item_failures.len(), 1);
    let told = health(&aws, Duration::ZERO).await;
    assert_eq!(told["status"], "failing", "{told}");
    let report = &told["failing"][0];
    assert_eq!(report["function"], "write");
    assert!(
        report["reason"].as_str().unwrap().contains("count-1"),
        "{report}"
    );
    aws.system.stop().await;
}

fn trigger(data: &str) -> KinesisEvent {
    let sample = include_str!("../../../events/pump.json");
    let mut event: Value = serde_json::from_str(sample).unwrap();
    event["Records"].as_array_mut().unwrap().truncate(1);
    event["Records"][0]["kinesis"]["data"] = STANDARD.encode(data).into();
    serde_json::from_value(event).unwrap()
}

#[tokio::test]
async fn a_type_that_no_enum_declares_is_passed_over_and_listed() {
    let aws = Aws::start().await;
    let mut strange = event("count-1", "b", 2);
    strange.event_type = "painted".into();
    let mut elsewhere = event("nowhere-1", "d", 4);
    elsewhere.event_type = "painted".into();
    let events = [
        event("count-1", "a", 1),
        strange,
        event("count-1", "c", 3),
        elsewhere,
    ];
    Sequencer::new(aws.events()).record(&events).await;
    let projector = Projector::new(service(), aws.events(), aws.data());
    let write = write::Handler::new(projector, service(), aws.data());
    let mut batch = Vec::new();
    for stream in ["count-1", "nowhere-1"] {
        let events = recorded(&aws.events(), stream).await;
        let packed = Delivery::encode(&events, None).remove(0);
        batch.push(STANDARD.encode(packed.text));
    }
    let batch: KinesisEvent = serde_json::from_value(json!({"Records": batch
        .iter()
        .enumerate()
        .map(|(nth, data)| json!({
            "eventID": format!("shardId-000000000000:{nth}"), "eventVersion": "1.0",
            "eventSource": "aws:kinesis", "eventName": "aws:kinesis:record", "awsRegion": "us-east-1",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:000000000000:stream/events",
            "kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": "count-1", "sequenceNumber": nth.to_string(), "data": data, "approximateArrivalTimestamp": 1.0},
        }))
        .collect::<Vec<_>>()}))
    .unwrap();
    for _ in 0..2 {
        let answer = write.handle(batch.clone()).await.unwrap();
        assert!(
            serde_json::to_value(&answer).unwrap()["batchItemFailures"]
                .as_array()
                .unwrap()
                .is_empty()
        );
    }
    let health = health(&aws, Duration::ZERO).await;
    assert_eq!(health["status"], "ok", "{health}");
    let expected =
        json!([{"category": "count", "type": "painted", "stream": "count-1", "version": 2}]);
    assert_eq!(health["undeclared"], expected);
    let key = Key::row(
        &Target {
            projection: "sums".into(),
            generation: 1,
        },
        "1",
    );
    let row = aws.data().get(&key).await.unwrap().unwrap();
    assert_eq!(row.watermark, 3);
    assert_eq!(row.state, Some(json!({"sum": 4, "seen": [1, 3]})));
    aws.system.stop().await;
}

#[tokio::test]
async fn a_playback_whose_invocations_fail_is_named_until_one_gets_further() {
    let aws = Aws::start().await;
    Sequencer::new(aws.events())
        .record(&[event("count-1", "a", 1)])
        .await;
    let player = |replay| {
        let player = Player::new(service(), aws.events(), aws.data(), replay);
        player.with_index_lag(Duration::ZERO)
    };
    let request = json!({"to": [{"subscriber": "test"}]});
    let request = serde_json::from_value(request).unwrap();
    let far = Instant::now() + Duration::from_secs(600);
    // It may read what it has to send, and nobody takes it.
    let broken = player(aws.clients.stream_named("nowhere"));
    broken.create("p", &request).await.unwrap();
    let mut since = Value::Null;
    for _ in 0..2 {
        broken.play("p", far).await.unwrap_err();
        let young = health(&aws, MINUTE).await;
        assert_eq!(young["status"], "ok", "{young}");
        let late = health(&aws, Duration::ZERO).await;
        assert_eq!(late["status"], "failing", "{late}");
        assert!(why(&late).contains("playback p has failed"), "{late}");
        let failing = &late["failing_playbacks"][0];
        let reason = failing["reason"].as_str().unwrap();
        assert!(reason.contains("ResourceNotFound"), "{reason}");
        assert_eq!(late["playbacks"][0]["reason"], failing["reason"]);
        if since != Value::Null {
            assert_eq!(failing["since"], since, "it fails since the first time");
        }
        since = failing["since"].clone();
    }
    // Whoever pauses it knows of it.
    broken.pause("p").await.unwrap();
    assert_eq!(
        health(&aws, Duration::ZERO).await["failing_playbacks"],
        json!([])
    );
    broken.resume("p").await.unwrap();
    player(aws.stream("ReplayStream"))
        .play("p", far)
        .await
        .unwrap();
    let played = record::load(&aws.data(), "p").await.unwrap().unwrap();
    assert_eq!((played.state, played.failing), (State::Completed, None));
    assert_eq!(
        health(&aws, Duration::ZERO).await["failing_playbacks"],
        json!([])
    );
    aws.system.stop().await;
}
