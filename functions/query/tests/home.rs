//! What the console's first page asks for: as many requests of DynamoDB with a
//! million events as with a thousand, and none that scans.
//!
//! `HOME_EVENTS=1000000 cargo test -p rewind-query --test home -- --nocapture`

#[allow(dead_code, reason = "the tests of `rewind-aws` use the rest")]
#[path = "../../../shared/rewind-aws/tests/capacity/meter.rs"]
mod meter;
mod support;

use aws_smithy_http_client::Builder;
use meter::{Meter, Reading};
use rewind::{CloudEvent, Head, StreamName, commit, event::raw};
use rewind_aws::{aws::clock::micros, event_table::event_store::Inserted};
use serde_json::json;
use std::{collections::BTreeMap, env};
use support::{Tables, read, request};

/// What Home asks query for. The figures come from the gateway.
const HOME: [(&str, &str); 5] = [
    ("GET /health", ""),
    ("GET /projections", ""),
    ("GET /events", "latest=15"),
    ("GET /operations", "limit=15"),
    ("GET /incidents", "limit=100"),
];

/// Events of a commit, and streams.
const IN_COMMIT: u64 = 500;
const STREAMS: u64 = 40;

/// Records events up to a number, an hour ago.
async fn fill(tables: &Tables, heads: &mut BTreeMap<u64, Head>, from: u64, to: u64) {
    let hour_ago = micros() - 3_600_000_000;
    for nth in from / IN_COMMIT..to / IN_COMMIT {
        let stream = StreamName::new(format!("poll-{}", nth % STREAMS)).unwrap();
        let events = (0..IN_COMMIT).map(|vote| CloudEvent {
            id: format!("{nth}/{vote}"),
            source: "/home".into(),
            event_type: "vote-cast".into(),
            stream: stream.clone(),
            time: "2026-11-30T09:00:00Z".into(),
            extensions: BTreeMap::new(),
            data: raw(&json!({"user": format!("user-{vote}"), "choice": "chips"})),
        });
        let events: Vec<CloudEvent> = events.collect();
        let events: Vec<&CloudEvent> = events.iter().collect();
        let head = heads.entry(nth % STREAMS).or_default();
        for commit in commit::plan(head.clone(), &events, hour_ago + nth) {
            assert_eq!(tables.events().append(&[&commit]).await, [Inserted::New]);
            *head = commit.head();
        }
    }
}

/// Home's requests, each with what it asks of DynamoDB.
async fn home(tables: &Tables) -> Vec<Reading> {
    let meter = Meter::around(Builder::new().build_http());
    let metered = meter.clone();
    let clients = tables.clients.clone();
    let clients = clients.map_config(|config| config.into_builder().http_client(metered).build());
    let table = |name: &str| tables.system.table(name).unwrap();
    let incoming = tables.system.stream("IncomingStream").unwrap();
    let handler = query::Handler::new(
        service::service(),
        clients.event_store(table("EventsTable")),
        clients.data_store(table("DataTable")),
        clients.stream_named(incoming),
    );
    let mut readings = Vec::new();
    for (route, query) in HOME {
        let (status, body) = read(&handler.handle(&request(route, &[], query)).await);
        assert_eq!(status, 200, "{route}: {body}");
        readings.push(meter.take());
    }
    readings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_page_asks_for_no_more_however_many_events_there_are() {
    let most = env::var("HOME_EVENTS").map_or(100_000, |events| events.parse().unwrap());
    let tables = Tables::start().await;
    let mut heads = BTreeMap::new();
    let few = IN_COMMIT * STREAMS;
    fill(&tables, &mut heads, 0, few).await;
    let with_few = home(&tables).await;
    fill(&tables, &mut heads, few, most).await;
    let with_many = home(&tables).await;
    for (((route, _), few), many) in HOME.iter().zip(&with_few).zip(&with_many) {
        println!(
            "{route} with {most} events: {:?}, {} read units",
            many.requests, many.read_units
        );
        assert!(!many.requests.contains_key("Scan"), "{route} scans");
        assert_eq!(many.requests, few.requests, "{route}");
        assert!(
            many.read_units <= few.read_units * 1.5,
            "{route}: {many:?}, {few:?}"
        );
    }
    tables.system.stop().await;
}
