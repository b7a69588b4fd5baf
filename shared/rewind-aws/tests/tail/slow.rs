//! Appenders that sleep between position and insert, and an index that lags.
//!
//! `TAIL_SECONDS=30` lets them sleep for so long, with the time to settle that is
//! deployed; without it everything is as many times shorter.

use crate::support::{Aws, event};
use fault_layer::Lag;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::{
    Head, StreamName, commit,
    stream::{PARTITIONS, partition_name},
};
use rewind_aws::{
    aws::clock::micros,
    event_table::event_store::{After, EventStore, Inserted},
    history::tail::{MOST_IN_URL, Place, SETTLES, Tail},
};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long an appender sleeps at most.
fn sleeps() -> Duration {
    let seconds = std::env::var("TAIL_SECONDS").ok();
    let seconds: f64 = seconds.map_or(1.5, |seconds| seconds.parse().unwrap());
    Duration::from_secs_f64(seconds)
}

/// Appends commits to a stream, some of them slowly.
async fn append(store: &EventStore, stream: &str, commits: u64, seed: u64) {
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut head = Head::default();
    for nth in 0..commits {
        let count = dice.random_range(1..4);
        let events = (0..count).map(|n| event(stream, &format!("{nth}/{n}"), n));
        let events: Vec<_> = events.collect();
        let events: Vec<_> = events.iter().collect();
        let planned = commit::plan(head.clone(), &events, micros());
        let pause = match dice.random_range(0..10) {
            0 => sleeps(),
            1..4 => sleeps().mul_f64(dice.random()),
            _ => Duration::from_millis(dice.random_range(0..50)),
        };
        tokio::time::sleep(pause).await;
        assert_eq!(store.append(&[&planned[0]]).await, [Inserted::New]);
        head = planned[0].head();
    }
}

/// Reads until so many events of the streams were told, and checks each.
async fn follow(tail: &Tail<'_>, heads: &BTreeMap<StreamName, u64>, mut place: Place) {
    let mut told: BTreeMap<StreamName, u64> = BTreeMap::new();
    let started = Instant::now();
    let mut dice = SmallRng::seed_from_u64(7);
    while told.iter().ne(heads) {
        assert!(started.elapsed() < sleeps() * 60, "{told:?} of {heads:?}");
        let limit = dice.random_range(1..40);
        let read = tail.read(&place, limit, micros()).await.unwrap();
        for event in read.events {
            let last = told.entry(event.stream().clone()).or_default();
            // Neither missed nor twice, and in order.
            assert_eq!(event.version, *last + 1, "of {}", event.stream());
            *last = event.version;
        }
        // A place goes into a URL and comes back.
        let text = serde_json::to_string(&read.place).unwrap();
        place = serde_json::from_str(&text).unwrap();
        if !read.has_more {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn told_once(most_told: usize) {
    let aws = Aws::start().await;
    let settles = match std::env::var("TAIL_SECONDS") {
        Ok(_) => SETTLES,
        // What an appender sleeps, what the index lags, and what a busy machine
        // takes.
        Err(_) => sleeps() * 2 + Duration::from_secs(2),
    };
    let lag = Lag::new(11, sleeps().mul_f64(0.5));
    let clients = aws.clients.clone().map_config(|config| lag.around(config));
    let lagging = clients.event_store(aws.system.table("EventsTable").unwrap());
    let store = aws.events();
    let names: Vec<String> = (0..12).map(|nth| format!("count-slow{nth}")).collect();
    let tail = Tail::new(&lagging, ["count"], most_told, 1_000_000).with_settling(settles);
    let appending = async {
        let jobs = names
            .iter()
            .zip(0..)
            .map(|(name, seed)| append(&store, name, 12, seed));
        futures::future::join_all(jobs).await;
    };
    let heads = async {
        appending.await;
        let mut heads = BTreeMap::new();
        for name in &names {
            let stream = StreamName::new(name.as_str()).unwrap();
            let head = store.head(&stream).await.unwrap().version;
            heads.insert(stream, head);
        }
        heads
    };
    // The tail reads beside the appenders, and what is missing behind them.
    let early = async {
        let mut place = Place::default();
        let mut told: Vec<(StreamName, u64)> = Vec::new();
        for _ in 0..40 {
            let read = tail.read(&place, 25, micros()).await.unwrap();
            let events = read.events.iter();
            told.extend(events.map(|event| (event.stream().clone(), event.version)));
            place = read.place;
            tokio::time::sleep(sleeps() / 20).await;
        }
        (place, told)
    };
    // An entry lags from when it is there: somebody looks all the time.
    let looking = async {
        loop {
            for partition in (0..PARTITIONS).map(|nth| partition_name("count", nth)) {
                let from = After::Position(0);
                lagging.read_index(&partition, &from, 1000).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let (heads, (place, early)) = tokio::select! {
        both = async { tokio::join!(heads, early) } => both,
        () = looking => unreachable!("it looks for ever"),
    };
    let mut seen: BTreeMap<StreamName, u64> = BTreeMap::new();
    for (stream, version) in early {
        let last = seen.entry(stream).or_default();
        assert_eq!(version, *last + 1);
        *last = version;
    }
    assert!(!seen.is_empty(), "nothing was told beside the appenders");
    // From the beginning, and from where the first reader stopped.
    follow(&tail, &heads, Place::default()).await;
    let mut told = seen;
    let mut place = place;
    let until = Instant::now() + settles + sleeps() * 2;
    while told != heads {
        assert!(Instant::now() < until, "{told:?} of {heads:?}");
        let read = tail.read(&place, 25, micros()).await.unwrap();
        for event in read.events {
            let last = told.entry(event.stream().clone()).or_default();
            assert_eq!(event.version, *last + 1, "of {}", event.stream());
            *last = event.version;
        }
        place = read.place;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn what_lands_late_is_told_once_and_in_order() {
    told_once(MOST_IN_URL).await;
}

#[tokio::test]
async fn a_full_list_waits_and_misses_nothing() {
    told_once(5).await;
}

#[tokio::test]
async fn the_latest_events_and_what_comes_behind_them() {
    let aws = Aws::start().await;
    let store = aws.events();
    for nth in 0..5 {
        append(&store, &format!("count-{nth}"), 3, 100 + nth).await;
    }
    let tail = Tail::new(&store, ["count"], MOST_IN_URL, 1_000_000);
    let latest = tail.latest(4, u64::MAX, micros()).await.unwrap();
    let positions: Vec<u64> = latest.events.iter().map(|event| event.position).collect();
    assert_eq!(positions.len(), 4);
    assert!(positions.is_sorted_by(|a, b| a > b), "{positions:?}");
    assert_eq!(latest.events[0].stream().as_str(), "count-4");
    // Further back, page by page, whatever commit a page ends in.
    let all = tail.latest(1000, u64::MAX, micros()).await.unwrap().events;
    let mut back = latest.events.clone();
    while let Some(last) = back.last() {
        let page = tail.latest(4, last.position, micros()).await.unwrap();
        assert_eq!(page.events.len(), 4.min(all.len() - back.len()));
        if page.events.is_empty() {
            break;
        }
        back.extend(page.events);
    }
    assert_eq!(back, all);
    // Nothing of what was there comes behind it, and all that comes then does.
    let read = tail.read(&latest.place, 100, micros()).await.unwrap();
    assert_eq!(read.events.len(), 0);
    append(&store, "count-new", 2, 1).await;
    let read = tail.read(&read.place, 100, micros()).await.unwrap();
    assert!(read.events.len() >= 2);
    assert!(
        read.events
            .iter()
            .all(|event| event.stream().as_str() == "count-new")
    );
    aws.system.stop().await;
}

/// A page ends where an answer would be too large, and the next one goes on.
#[tokio::test]
async fn large_commits_are_told_in_several_answers() {
    let aws = Aws::start().await;
    let store = aws.events();
    for nth in 0..30 {
        append(&store, &format!("count-{nth}"), 1, nth).await;
    }
    let tail = Tail::new(&store, ["count"], MOST_IN_URL, 1_000).with_settling(Duration::ZERO);
    let (mut place, mut told, mut answers) = (Place::default(), 0, 0);
    loop {
        let read = tail.read(&place, 1000, micros()).await.unwrap();
        told += read.events.len();
        place = read.place;
        answers += 1;
        if !read.has_more {
            break;
        }
    }
    let mut expected = 0;
    for nth in 0..30 {
        let stream = StreamName::new(format!("count-{nth}")).unwrap();
        expected += store.head(&stream).await.unwrap().version as usize;
    }
    assert_eq!(told, expected);
    assert!(answers > 3, "{answers}");
    aws.system.stop().await;
}
