//! More partitions of a category's index, while the system runs: no event is
//! missed, none comes twice, and each stream keeps its order.

mod support;

use futures::future::join_all;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::{
    CloudEvent, Head, Selection, StreamName, commit,
    event::raw,
    stream::{PARTITIONS, partition_name},
};
use rewind_aws::{
    aws::clock::micros,
    event_table::{
        event_store::{After, Entry, EventStore, Inserted},
        slices::{RAISED, Raised, SOURCE, STREAM},
    },
    history::{
        partition,
        tail::{Place, Tail},
    },
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use support::{Aws, event};

/// What readers may not know for so long, and how long writers wait.
const REFRESH: Duration = Duration::from_millis(1_000);
const GRACE: Duration = Duration::from_millis(1_500);

async fn raise(store: &EventStore, partitions: u16) {
    let raised = Raised {
        category: "count".into(),
        partitions,
        by: "test".into(),
    };
    let event = CloudEvent {
        source: SOURCE.into(),
        event_type: RAISED.into(),
        data: raw(&json!(raised)),
        ..event(STREAM, &partitions.to_string(), 0)
    };
    let outcomes = Sequencer::new(store.clone()).record(&[event]).await;
    assert!(matches!(
        outcomes[0],
        Outcome::Recorded { is_new: true, .. }
    ));
}

/// Appends a commit of one to three events.
async fn append(store: &EventStore, stream: &str, head: &Head, nth: u64, now: u64) -> Head {
    let count = nth % 3 + 1;
    let events: Vec<_> = (0..count)
        .map(|n| event(stream, &format!("{nth}/{n}"), n))
        .collect();
    let planned = commit::plan(head.clone(), &events.iter().collect::<Vec<_>>(), now);
    assert_eq!(store.append(&[&planned[0]]).await, [Inserted::New]);
    planned[0].head()
}

fn partitions() -> impl Iterator<Item = String> {
    (0..PARTITIONS).map(|nth| partition_name("count", nth))
}

/// All entries of a partition, read in pages of this limit.
async fn paged(store: &EventStore, partition: &str, limit: i32) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut after = After::Position(0);
    loop {
        let page = store.read_index(partition, &after, limit).await.unwrap();
        assert!(page.entries.len() <= limit as usize);
        all.extend(page.entries);
        match all.last() {
            Some(last) if page.has_more => after = After::Commit(last.cursor()),
            _ => return all,
        }
    }
}

fn slices(entries: &[Entry]) -> BTreeSet<u16> {
    entries.iter().map(|entry| entry.slice).collect()
}

#[tokio::test]
async fn all_slices_are_one_partition_whatever_the_pages_are() {
    let aws = Aws::start().await;
    let store = aws.events().with_slice_times(REFRESH, Duration::ZERO);
    let mut heads: BTreeMap<String, Head> = BTreeMap::new();
    let mut count = 0;
    for partitions in [8, 16, 64] {
        if partitions > 8 {
            raise(&store, partitions).await;
            store.latest_raises().await.unwrap();
        }
        // Many commits have one position.
        for nth in 0..80 {
            let name = format!("count-{nth}");
            let head = heads.remove(&name).unwrap_or_default();
            heads.insert(name.clone(), append(&store, &name, &head, nth, 1_000).await);
            count += 1;
        }
    }
    let (mut found, mut used) = (0, BTreeSet::new());
    for partition in partitions() {
        let all = paged(&store, &partition, 1_000).await;
        found += all.len();
        assert!(all.is_sorted_by_key(|entry| (entry.position, entry.slice)));
        used.extend(slices(&all));
        for limit in [1, 2, 7, 30] {
            assert_eq!(paged(&store, &partition, limit).await, all, "{limit}");
        }
        let last = store.last_entries(&partition, 0..u64::MAX >> 1, 5).await;
        let newest: Vec<Entry> = all.iter().rev().take(5).cloned().collect();
        let positions = |all: &[Entry]| all.iter().map(|it| it.position).collect::<Vec<_>>();
        assert_eq!(positions(&last.unwrap()), positions(&newest));
    }
    assert_eq!(found, count);
    assert_eq!(used, (0..8).collect());
    aws.system.stop().await;
}

#[tokio::test]
async fn a_raise_while_events_come_loses_none_and_keeps_the_order() {
    let aws = Aws::start().await;
    // Each process has a memory of its own. Writers hear of a raise at once.
    let process = || {
        let soon = Duration::from_millis(20);
        aws.events().with_slice_times(soon, GRACE)
    };
    let names: Vec<String> = (0..24).map(|nth| format!("count-raised{nth}")).collect();
    let appending = names.iter().zip(0..).map(|(name, seed)| {
        let store = process();
        async move {
            let mut dice = SmallRng::seed_from_u64(seed);
            let mut head = Head::default();
            for nth in 0..90 {
                head = append(&store, name, &head, nth, micros()).await;
                let pause = dice.random_range(0..100);
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            (StreamName::new(name.as_str()).unwrap(), head.version)
        }
    });
    let raising = async {
        for partitions in [16, 64] {
            tokio::time::sleep(Duration::from_millis(300)).await;
            raise(&process(), partitions).await;
            tokio::time::sleep(GRACE).await;
        }
    };
    let reader = aws.events().with_slice_times(REFRESH, GRACE);
    // The tail stays close behind: what it passes over is gone.
    let tail = Tail::new(&reader, ["count"], 10_000, 10_000_000);
    let tail = tail.with_settling(Duration::from_millis(300));
    let mut told: BTreeMap<StreamName, u64> = BTreeMap::new();
    let following = async {
        let mut place = Place::default();
        loop {
            let read = tail.read(&place, 50, micros()).await.unwrap();
            for event in read.events {
                let last = told.entry(event.stream().clone()).or_default();
                assert_eq!(event.version, *last + 1, "of {}", event.stream());
                *last = event.version;
            }
            place = read.place;
            if told.values().sum::<u64>() == 24 * 180 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let all = async { tokio::join!(join_all(appending), raising, following) };
    let ended = tokio::time::timeout(Duration::from_secs(120), all).await;
    let (heads, ..) = ended.expect("the tail has missed an event");
    assert_eq!(told, BTreeMap::from_iter(heads));

    // A playback reads them in order as well.
    let (mut played, mut used) = (BTreeMap::<StreamName, u64>::new(), BTreeSet::new());
    for name in partitions() {
        used.extend(slices(&paged(&reader, &name, 100).await));
        let (mut cursor, mut is_last) = (None, false);
        while !is_last {
            let selection = Selection::default();
            let page = partition::page(&reader, &name, &selection, cursor.as_ref(), u64::MAX, 20);
            let page = page.await.unwrap();
            for commit in &page.commits {
                let last = played.entry(commit.stream.clone()).or_default();
                assert_eq!(commit.version, *last + 1, "of {}", commit.stream);
                *last = commit.last_version();
            }
            (cursor, is_last) = (page.cursor.or(cursor), page.is_last);
        }
    }
    assert_eq!(played, told);
    assert_eq!(used, (0..8).collect());
    aws.system.stop().await;
}
