//! Random requests over HTTP. Every request to any route is answered, with no
//! 5xx, and a refusal names the error. Every accepted event is recorded once,
//! and every reader processes it or stalls.
//!
//! `REWIND_REQUESTS=100000` sends as many, `REWIND_SEED=7` others.

mod answer;
#[path = "../../src/client.rs"]
#[allow(dead_code, reason = "the tests use a part of it")]
mod client;
mod request;
#[path = "../system/support.rs"]
#[allow(dead_code, reason = "the tests use a part of it")]
mod support;

use answer::{Accepted, Answer};
use futures::future::join_all;
use local::State;
use rand::{SeedableRng, rngs::SmallRng};
use request::Sent;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    net::SocketAddr,
    time::Duration,
};
use support::{start, stream};

/// Clients that send at once.
const CLIENTS: u64 = 8;

/// How long all readers may take to come to the end.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_sent_is_answered_and_nothing_is_lost() {
    let number = |name: &str, otherwise| env::var(name).map_or(otherwise, |n| n.parse().unwrap());
    let requests: u64 = number("REWIND_REQUESTS", 5_000);
    let seed: u64 = number("REWIND_SEED", 1);
    let (system, client) = start(State::Ephemeral).await;
    let address: SocketAddr = system
        .url()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap();
    let clients = (0..CLIENTS).map(|nth| async move {
        let mut dice = SmallRng::seed_from_u64(seed << 8 | nth);
        let mut seen = Seen::default();
        for _ in 0..requests / CLIENTS {
            let sent = request::any(&mut dice, address);
            let answer = sent.send(address).await;
            seen.take(&sent, answer);
        }
        seen
    });
    let mut all = Seen::default();
    for seen in join_all(clients).await {
        all.add(seen);
    }
    println!("answers by status: {:?}", all.statuses);
    println!("{} events were accepted", all.accepted.len());
    let kinds = all.faults.iter().filter_map(|fault| fault.lines().next());
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    kinds.for_each(|kind| *times.entry(kind).or_default() += 1);
    println!("faults: {times:#?}");
    let shown: Vec<&String> = all.faults.iter().take(20).collect();
    assert!(
        all.faults.is_empty(),
        "{} faults: {shown:#?}",
        all.faults.len()
    );
    // Every reader comes to the end of what was accepted.
    let health = settled(&client).await;
    let status = health["status"].as_str().unwrap();
    assert!(matches!(status, "ok" | "stalled"), "{health}");
    assert_eq!(health["failing"], serde_json::json!([]), "{health}");
    let streams: BTreeSet<&String> = all.accepted.iter().map(|event| &event.stream).collect();
    for name in streams {
        let recorded = stream(&client, name).await;
        let mut times: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for event in &recorded {
            let identity = (
                event["source"].as_str().unwrap(),
                event["id"].as_str().unwrap(),
            );
            *times.entry(identity).or_default() += 1;
        }
        for event in all.accepted.iter().filter(|event| event.stream == *name) {
            let times = times.get(&(event.source.as_str(), event.id.as_str()));
            // The same id with other content is answered 202 and reported.
            let is_reported = health["conflicts"] != 0 && times.is_none();
            assert!(times == Some(&1) || is_reported, "{event:?}: {times:?}");
        }
    }
    system.stop().await;
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    statuses: BTreeMap<u16, usize>,
    accepted: BTreeSet<Accepted>,
    faults: BTreeSet<String>,
}

impl Seen {
    fn take(&mut self, sent: &Sent, answer: Result<Answer, String>) {
        match answer {
            Ok(answer) => {
                *self.statuses.entry(answer.status).or_default() += 1;
                if let Some(fault) = answer.fault(sent) {
                    self.faults.insert(format!("{fault}\n  {sent}\n  {answer}"));
                }
                self.accepted.extend(answer.accepted());
            }
            Err(why) => {
                self.faults.insert(format!("{why}\n  {sent}"));
            }
        }
    }

    fn add(&mut self, other: Self) {
        for (status, times) in other.statuses {
            *self.statuses.entry(status).or_default() += times;
        }
        self.accepted.extend(other.accepted);
        self.faults.extend(other.faults);
    }
}

/// Waits until no reader has anything to do.
async fn settled(client: &client::Client) -> Value {
    let waiting = async {
        loop {
            let health = client.get("/health").await.unwrap().body;
            let readers = health["readers"].as_array().unwrap();
            let is_settled = readers.iter().all(|reader| reader["events"] == 0);
            if is_settled && health["playbacks"].as_array().unwrap().is_empty() {
                return health;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(health) => health,
        Err(_) => panic!("not settled: {}", client.get("/health").await.unwrap().body),
    }
}
