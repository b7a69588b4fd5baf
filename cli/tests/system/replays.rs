//! `kill -9` of playback at random moments, while live events come in. Each
//! playback continues without help, repeats at most one page for each partition,
//! and keeps the order.

#[path = "../../../shared/rewind-aws/tests/support/subscriber.rs"]
mod subscriber;

use crate::support::{BATCH, start_with, vote};
use local::{State, System};
use rand::Rng;
use rewind::{CloudEvent, Delivery, StreamName, event::raw};
use rewind_aws::{
    audit::{
        report::{Violation, Watch},
        run::Audit,
    },
    history::partition::PAGE,
    sequence::sequencer::{Outcome, Sequencer},
    wiring::Clients,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use subscriber::Subscriber;

/// Events of one commit, and commits of one stream. Repeats are counted in pages
/// of commits.
const COMMIT: usize = 5;
const COMMITS: usize = 4;

/// Partitions that a playback reads at once.
const PARTITIONS: usize = 4;

/// A number from the environment: `REWIND_REPLAY_EVENTS=100000
/// REWIND_REPLAY_KILLS=20` is the large run.
fn number(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Records votes directly in the events table, as existing history.
async fn history(clients: &Clients, system: &System, events: usize) {
    let store = clients.event_store(system.table("EventsTable").unwrap());
    let sequencer = Sequencer::new(store);
    let streams = events / (COMMIT * COMMITS);
    for some in (0..streams).collect::<Vec<_>>().chunks(100) {
        for commit in 0..COMMITS {
            let votes = some.iter().flat_map(|stream| {
                (0..COMMIT).map(move |nth| {
                    let nth = commit * COMMIT + nth;
                    CloudEvent {
                        id: format!("{stream}/{nth}"),
                        source: "/history".into(),
                        event_type: "vote-cast".into(),
                        stream: StreamName::new(format!("poll-old.{stream}")).unwrap(),
                        time: "2023-04-19T09:00:00Z".into(),
                        extensions: BTreeMap::new(),
                        data: raw(&json!({"user": format!("user-{nth}"), "choice": "chips"})),
                    }
                })
            });
            let votes: Vec<CloudEvent> = votes.collect();
            let outcomes = sequencer.record(&votes).await;
            let is_recorded = |outcome: &Outcome| matches!(outcome, Outcome::Recorded { .. });
            assert!(outcomes.iter().all(is_recorded));
        }
    }
}

fn playback_pids(system: &System) -> Vec<u32> {
    let pids = system.function_pids().into_iter();
    pids.filter(|(name, _)| name.to_lowercase().ends_with("playback"))
        .map(|(_, pid)| pid)
        .collect()
}

/// The deliveries that a subscriber has received from the replay stream.
#[derive(Default)]
struct Read {
    reached: BTreeMap<StreamName, u64>,
    sent: u64,
    /// The number of times that a stream began again, at a repeated page.
    backwards: u64,
}

impl Read {
    fn take(&mut self, deliveries: Vec<Delivery>) {
        let mut run: Option<(StreamName, u64)> = None;
        for event in deliveries.into_iter().flat_map(|delivery| delivery.events) {
            if event.version > (COMMIT * COMMITS) as u64 {
                // Live: what of it was sent again while rows caught up is a
                // hint, in no order.
                continue;
            }
            self.sent += 1;
            let (stream, version) = (event.stream().clone(), event.version);
            let before = self.reached.get(&stream).copied().unwrap_or(0);
            if version > before {
                assert_eq!(version, before + 1, "{stream} is in order, without a gap");
                self.reached.insert(stream.clone(), version);
            } else {
                self.backwards += u64::from(run != Some((stream.clone(), version - 1)));
            }
            run = Some((stream, version));
        }
    }
}

struct Names(Vec<String>);
impl Watch for Names {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(format!("{violation:?}"));
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

async fn verify(clients: &Clients, system: &System) {
    let mut names = Names(Vec::new());
    let events = clients.event_store(system.table("EventsTable").unwrap());
    let data = clients.data_store(system.table("DataTable").unwrap());
    let counts = Audit::new(service::service(), events, data);
    let counts = counts.run(&mut names).await.unwrap();
    assert_eq!(names.0, Vec::<String>::new());
    println!("verified {} events, {} rows", counts.events, counts.rows);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_playback_resumes_by_itself_while_live_events_come_in() {
    let events = number("REWIND_REPLAY_EVENTS", 10_000);
    let kills = number("REWIND_REPLAY_KILLS", 5);
    let (system, client) = start_with(State::Ephemeral, |options| {
        // A minute takes a second, so orphaned playbacks are recovered soon.
        options.schedule_unit = Duration::from_secs(1);
    })
    .await;
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    history(&clients, &system, events).await;

    let is_over = Arc::new(AtomicBool::new(false));
    let live = Arc::new(AtomicU64::new(0));
    let sender = {
        let (client, is_over, live) = (client.clone(), is_over.clone(), live.clone());
        tokio::spawn(async move {
            while !is_over.load(Ordering::SeqCst) {
                let first = live.load(Ordering::SeqCst) as usize;
                let votes: Vec<Value> = (first..first + 5)
                    .map(|nth| vote(&format!("poll-old.{}", nth % 50), 1_000 + nth))
                    .collect();
                client
                    .post_ok("/events", BATCH, &json!(votes), 202)
                    .await
                    .unwrap();
                live.fetch_add(5, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    };

    // A subscriber reads along: the local system forgets what its own
    // functions have finished.
    let stream = system.stream("ReplayStream").unwrap();
    let mut subscriber = Subscriber::new(system.kinesis_endpoint(), &stream).await;
    let reader = {
        let is_over = is_over.clone();
        tokio::spawn(async move {
            let mut read = Read::default();
            loop {
                let is_last = is_over.load(Ordering::SeqCst);
                read.take(subscriber.next().await);
                if is_last {
                    return read;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
    };

    // About as long as the kills take.
    let rate = events / kills.max(1);
    let request = json!({"to": [{"projection": "basic-sum"}], "rate": rate});
    let begun = client
        .post_ok("/playbacks", "application/json", &request, 202)
        .await
        .unwrap();
    let path = format!("/playbacks/{}", begun["id"].as_str().unwrap());
    let mut killed = 0;
    let mut dice = rand::rng();
    while killed < kills {
        tokio::time::sleep(Duration::from_millis(dice.random_range(20..900))).await;
        let playback = client.get_ok(&path).await.unwrap();
        if playback["state"] != "replaying" {
            assert_ne!(playback["state"], "failed", "{playback}");
            break;
        }
        for pid in playback_pids(&system) {
            // It may have ended already.
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        killed += 1;
    }
    let over = async {
        loop {
            let playback = client.get_ok(&path).await.unwrap();
            match playback["state"].as_str() {
                Some("completed") => return playback,
                Some("replaying" | "catching-up") => {}
                _ => panic!("{playback}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let patience = Duration::from_secs(900);
    let over = tokio::time::timeout(patience, over).await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    sender.await.unwrap();
    system.idle().await;
    println!(
        "{killed} kills, {} live events, {over}",
        live.load(Ordering::SeqCst)
    );
    assert!(killed > kills / 2, "{killed} kills");

    let Read {
        reached,
        sent,
        backwards,
    } = reader.await.unwrap();
    let once: u64 = reached.values().sum();
    println!("{sent} events sent, {once} of them once, {backwards} times a stream began again");
    let page = PAGE as usize * COMMIT;
    assert!(
        sent as usize - once as usize <= killed * PARTITIONS * page,
        "{sent} of {once}"
    );
    assert!(over["events"].as_u64().unwrap() >= events as u64);
    let rows = client.get_ok("/projections/basic-sum").await.unwrap();
    assert_eq!(rows["generation"], 2);
    verify(&clients, &system).await;
    system.stop().await;
}

/// The peak of a process's memory, in kB.
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.map(|line| line.trim().trim_end_matches("kB").trim());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// `REWIND_REPLAY_EVENTS=1000000` is the large run.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_playback_does_not_grow_with_history() {
    let (system, client) = start_with(State::Ephemeral, |_| {}).await;
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    let mut peaks = Vec::new();
    for events in [10_000, number("REWIND_REPLAY_EVENTS", 20_000)] {
        // Streams are numbered: what is there already is recorded once.
        history(&clients, &system, events).await;
        // A new process: the peak of one before is not this one's.
        for pid in playback_pids(&system) {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let request = json!({"to": [{"subscriber": "memory"}], "what": {"categories": ["poll"]}});
        let begun = client
            .post_ok("/playbacks", "application/json", &request, 202)
            .await
            .unwrap();
        let path = format!("/playbacks/{}", begun["id"].as_str().unwrap());
        let mut highest = 0;
        loop {
            let playback = client.get_ok(&path).await.unwrap();
            highest = playback_pids(&system)
                .into_iter()
                .map(peak)
                .fold(highest, u64::max);
            if playback["state"] == "completed" {
                assert_eq!(playback["events"], events);
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        println!("{events} events: playback at most {highest} kB");
        peaks.push(highest);
    }
    assert!(peaks[1] <= peaks[0] + 4 * 1024, "{peaks:?} kB");
    system.stop().await;
}
