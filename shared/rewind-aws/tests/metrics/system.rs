//! playback: what it sent, and each minute how the whole system is.

use crate::{
    batch, delivered,
    lines::{Line, only, taken},
    meter::Meter,
    support::{Aws, event, recorded, service},
};
use aws_smithy_http_client::Builder;
use playback::{Handler, Watch};
use rewind::Service;
use rewind_aws::{
    aws::{
        batch::{Failures, Record},
        clock::now,
    },
    data_table::{incident, key::Key, row::Row, shard::Shards},
    metrics::{Metrics, Written, catalog::*},
    playback::player::Player,
    project::projector::Projector,
    reverse::reversal::Reverser,
    sequence::sequencer::Sequencer,
    wiring::Clients,
};
use serde_json::{Value, json};
use std::time::Duration;

fn playback(aws: &Aws, clients: &Clients, service: Service) -> (Handler, Written) {
    let system = &aws.system;
    let events = clients.event_store(system.table("EventsTable").unwrap());
    let data = clients.data_store(system.table("DataTable").unwrap());
    let stream = |name: &str| clients.stream_named(system.stream(name).unwrap());
    let incoming = stream("IncomingStream");
    let watch = Watch::new(
        service.clone(),
        events.clone(),
        data.clone(),
        incoming.clone(),
    );
    let reverser = Reverser::new(service.clone(), events.clone(), data.clone(), incoming);
    let player = Player::new(service, events, data, stream("ReplayStream"));
    let player = player.with_index_lag(Duration::ZERO);
    let handler = Handler::new(player, reverser, watch, clients.function("nobody"));
    let (metrics, written) = Metrics::in_memory("test");
    (handler.with_metrics(metrics), written)
}

async fn invoke(handler: &Handler, payload: Value) -> Value {
    let deadline = now().as_millisecond().unsigned_abs() + 60_000;
    let answer = handler.handle(payload, deadline).await;
    answer.unwrap_or_else(|error| panic!("{}: {}", error.error_type, error.error_message))
}

/// The line of a reader; of the whole system where none is named.
#[track_caller]
fn of<'l>(lines: &'l [Line], reader: Option<&str>) -> &'l Line {
    let mut found = lines.iter().filter(|line| line.reader.as_deref() == reader);
    let line = found.next();
    assert!(found.next().is_none(), "{reader:?} has two lines");
    line.unwrap_or_else(|| panic!("no line of {reader:?}: {lines:?}"))
}

#[tokio::test]
async fn playback_tells_what_it_sent_and_how_fast() {
    let aws = Aws::start().await;
    let (playback, written) = playback(&aws, &aws.clients, service());
    let events = [
        event("count-1", "a", 1),
        event("count-1", "b", 2),
        event("count-2", "c", 3),
    ];
    Sequencer::new(aws.events()).record(&events).await;
    let request = |dry_run: bool| json!({"to": [{"subscriber": "w"}], "dry_run": dry_run});
    let counted = invoke(&playback, request(true)).await;
    assert_eq!(counted["events"], 3);
    let line = only(&written);
    assert_eq!(line.value(REPLAYED), 0.0, "a dry run sends nothing");
    assert!(!line.has(REPLAY_RATE));
    let ended = invoke(&playback, request(false)).await;
    assert_eq!(
        (&ended["state"], &ended["events"]),
        (&json!("completed"), &json!(3))
    );
    let line = only(&written);
    assert_eq!(line.value(REPLAYED), 3.0);
    assert!(line.value(REPLAY_RATE) > 0.0);
    // It is over: another invocation has nothing to send.
    invoke(&playback, json!({"resume": ended["id"]})).await;
    assert_eq!(only(&written).value(REPLAYED), 0.0);
    aws.system.stop().await;
}

#[tokio::test]
async fn the_schedule_tells_each_minute_how_the_system_is() {
    let aws = Aws::start().await;
    let (playback, written) = playback(&aws, &aws.clients, service());
    assert_eq!(
        invoke(&playback, json!({"recover": {}})).await,
        json!({"resumed": []})
    );
    let lines = taken(&written);
    let whole = of(&lines, None);
    assert_eq!(whole.value(SCHEDULE_RUNS), 1.0);
    for metric in [
        STALLED_STREAMS,
        FAILING_SHARDS,
        RUNNING_PLAYBACKS,
        DEAD_LETTERS,
        LAG_EVENTS,
        LAG_SECONDS,
    ] {
        assert_eq!(whole.value(metric), 0.0, "{}", metric.name);
    }

    // A stalled stream, a shard that fails, a dead letter, and readers behind.
    let events = [
        event("count-1", "a", 1),
        event("count-1", "b", 2),
        event("count-2", "c", 13),
    ];
    Sequencer::new(aws.events()).record(&events).await;
    let projector = Projector::new(service(), aws.events(), aws.data());
    let write = write::Handler::new(projector, service(), aws.data());
    let poisoned = delivered(&recorded(&aws.events(), "count-2").await);
    write.handle(batch(&[poisoned])).await.unwrap();
    let shards = Shards::new("write", aws.data());
    let failing = Record {
        sequence_number: "1".into(),
        arrived: 0,
        data: Vec::new(),
    };
    let failures = Failures::from([(0, "no such row".to_string())]);
    let known = shards.known("events/shard-0").await;
    shards
        .tell("events/shard-0", &[failing], &failures, known)
        .await;
    let letter = include_str!("../../../../events/playback-dead-letter.json");
    invoke(&playback, serde_json::from_str(letter).unwrap()).await;
    assert!(written.take().is_empty(), "only the schedule looks");

    invoke(&playback, json!({"recover": {}})).await;
    let lines = taken(&written);
    let whole = of(&lines, None);
    assert_eq!(whole.value(STALLED_STREAMS), 1.0);
    assert_eq!(whole.value(FAILING_SHARDS), 1.0);
    assert_eq!(whole.value(DEAD_LETTERS), 1.0);
    assert_eq!(whole.value(LAG_EVENTS), 2.0);
    let expected = [
        ("pump", 0.0),
        ("sums@1", 2.0),
        ("digits@1", 2.0),
        ("hoards@1", 0.0),
    ];
    assert_eq!(lines.len(), 1 + expected.len());
    for (reader, behind) in expected {
        let line = of(&lines, Some(reader));
        assert_eq!(line.value(LAG_EVENTS), behind, "{reader}");
        assert!(line.has(LAG_SECONDS), "{reader}");
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn a_run_is_told_where_the_system_cannot_be_looked_at() {
    let aws = Aws::start().await;
    let clients = &aws.clients;
    let (events, data) = (aws.events(), aws.data());
    let nowhere = clients.stream_named("no-such-stream");
    let watch = Watch::new(service(), events.clone(), data.clone(), nowhere.clone());
    let reverser = Reverser::new(service(), events.clone(), data.clone(), nowhere.clone());
    let player = Player::new(service(), events, data, nowhere);
    let (metrics, written) = Metrics::in_memory("test");
    let playback = Handler::new(player, reverser, watch, clients.function("nobody"));
    let playback = playback.with_metrics(metrics);
    assert_eq!(
        invoke(&playback, json!({"recover": {}})).await,
        json!({"resumed": []})
    );
    let line = only(&written);
    assert_eq!(line.value(SCHEDULE_RUNS), 1.0);
    assert!(!line.has(LAG_EVENTS), "what is not known is not told as 0");
    aws.system.stop().await;
}

#[tokio::test]
async fn the_system_is_told_where_its_incidents_cannot_be_noted() {
    let aws = Aws::start().await;
    let key = Key {
        pk: "rewind#open-incidents".into(),
        sk: "damaged".into(),
    };
    aws.data().put(&key, &Row::default(), 0).await.unwrap();
    assert!(incident::open(&aws.data()).await.is_err());
    let (playback, written) = playback(&aws, &aws.clients, service());
    assert_eq!(
        invoke(&playback, json!({"recover": {}})).await,
        json!({"resumed": []})
    );
    let lines = taken(&written);
    assert!(of(&lines, None).has(LAG_EVENTS));
    aws.system.stop().await;
}

#[tokio::test]
async fn a_look_at_the_shop_takes_so_many_requests() {
    let aws = Aws::start().await;
    let meter = Meter::around(Builder::new().build_http());
    let clients = aws.clients.clone();
    let clients = clients.map_config(|config| {
        let metered = meter.clone();
        config.into_builder().http_client(metered).build()
    });
    let (playback, _) = playback(&aws, &clients, service::service());
    invoke(&playback, json!({"recover": {}})).await;
    let read = meter.take();
    // The numbers in the documentation of `Watch::lines` are these.
    let requests = |name: &str| read.requests.get(name).copied().unwrap_or_default();
    assert_eq!(requests("Query"), 421, "{:?}", read.requests);
    let shards = requests("GetRecords");
    assert_eq!(requests("GetShardIterator"), shards);
    assert_eq!(requests("ListShards"), 1);
    assert_eq!(read.all_requests(), 421 + 1 + 2 * shards);

    // An incident costs a write when it begins, and none while it goes on.
    let letter = include_str!("../../../../events/playback-dead-letter.json");
    invoke(&playback, serde_json::from_str(letter).unwrap()).await;
    for writes in [1, 0] {
        meter.take();
        invoke(&playback, json!({"recover": {}})).await;
        let read = meter.take();
        let requests = |name: &str| read.requests.get(name).copied().unwrap_or_default();
        assert_eq!(
            requests("TransactWriteItems"),
            writes,
            "{:?}",
            read.requests
        );
        // How many partitions there are is known by now.
        assert_eq!(read.all_requests(), 420 + 1 + 2 * shards + writes);
    }
    aws.system.stop().await;
}
