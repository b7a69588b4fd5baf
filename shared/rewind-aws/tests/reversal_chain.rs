//! The chain of a stream's reversals: whoever records, and however, each commit
//! stores the last reversal as of its end, and the chain finds what a read of
//! the whole stream finds.

mod support;

use futures::future::join_all;
use rewind::{
    CloudEvent, Commit, Head, StreamName, commit,
    event::raw,
    reversal::{LastReversal, REVERSAL_SOURCE, REVERSED, Reversal, Reversals},
};
use rewind_aws::{
    event_table::event_store::Inserted,
    history::resolve,
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::json;
use support::{Aws, event, recorded};

/// A reversal of a version, with an id of its own.
fn reversal(stream: &str, version: u64, id: &str) -> CloudEvent {
    let mut reversal = event(stream, id, 0);
    reversal.source = REVERSAL_SOURCE.into();
    reversal.event_type = REVERSED.into();
    reversal.data = raw(&json!(Reversal {
        version,
        source: "/test".into(),
        id: "a test".into(),
        reason: "a test".into(),
        by: "a test".into(),
    }));
    reversal
}

async fn record(sequencer: &Sequencer, events: &[CloudEvent]) {
    for outcome in sequencer.record(events).await {
        assert!(matches!(outcome, Outcome::Recorded { .. }), "{outcome:?}");
    }
}

async fn commits(aws: &Aws, stream: &str) -> Vec<Commit> {
    let name = StreamName::new(stream).unwrap();
    let mut commits: Vec<Commit> = Vec::new();
    loop {
        let after = commits.last().map_or(0, Commit::last_version);
        let page = aws.events().read(&name, after).await.unwrap();
        commits.extend(page.commits);
        if !page.has_more {
            return commits;
        }
    }
}

/// Expects of every range of versions that the chain finds the reversals in it.
async fn finds_all(aws: &Aws, stream: &str) {
    let events = recorded(&aws.events(), stream).await;
    let name = StreamName::new(stream).unwrap();
    let last = events.len() as u64;
    for after in 0..=last {
        for through in (after..=last + 1).chain([u64::MAX]) {
            let range = after + 1..=through;
            let wanted = events.iter().filter(|event| range.contains(&event.version));
            let found = resolve::reversals(&aws.events(), &name, after, through).await;
            let expected = Reversals::among(wanted);
            assert_eq!(found.unwrap(), expected, "{stream} {after}..={through}");
        }
    }
}

/// Expects of every commit the pointer that an auditor expects.
async fn points_right(aws: &Aws, stream: &str) {
    let mut last = LastReversal::None;
    for commit in commits(aws, stream).await {
        last = commit.expected_reversal(last).unwrap();
        assert_eq!(commit.reversal, last, "{stream}@{}", commit.version);
    }
}

#[tokio::test]
async fn every_commit_stores_the_last_reversal_as_of_its_end() {
    let aws = Aws::start().await;
    let stream = "count-1";
    let sequencer = Sequencer::new(aws.events());
    let one = |n: u64| event(stream, &n.to_string(), n);
    record(&sequencer, &[one(1), one(2)]).await;
    record(&sequencer, &[reversal(stream, 1, "a")]).await;
    // Remembered heads, and heads that another process reads.
    record(&sequencer, &[one(4)]).await;
    record(&Sequencer::new(aws.events()), &[one(5)]).await;
    // Several in one commit, one of them of a reversal, events between them.
    let several = [
        one(6),
        reversal(stream, 3, "b"),
        one(8),
        reversal(stream, 2, "c"),
        one(10),
    ];
    record(&Sequencer::new(aws.events()), &several).await;
    // The first process remembers a head that is stale by now.
    record(&sequencer, &[one(11)]).await;
    // One that names itself means nothing, and one cannot be decoded.
    let mut broken = reversal(stream, 1, "e");
    broken.data = raw(&json!({"version": "one"}));
    record(&sequencer, &[reversal(stream, 12, "d"), broken]).await;
    record(&sequencer, &[one(14)]).await;
    points_right(&aws, stream).await;
    finds_all(&aws, stream).await;
    let name = StreamName::new(stream).unwrap();
    let head = aws.events().head(&name).await.unwrap();
    assert_eq!(head.reversal, LastReversal::At(13));
    aws.system.stop().await;
}

#[tokio::test]
async fn rivals_leave_no_hole_in_the_chain() {
    let aws = Aws::start().await;
    let stream = "count-1";
    record(&Sequencer::new(aws.events()), &[event(stream, "first", 1)]).await;
    let rivals = (0..3).map(|rival| {
        let sequencer = Sequencer::new(aws.events());
        async move {
            for round in 0..3 {
                let id = format!("{rival}/{round}");
                let reversal = reversal(stream, 1, &format!("{id}/r"));
                let events = [event(stream, &id, 1), reversal];
                record(&sequencer, &events[round % 2..]).await;
            }
        }
    });
    join_all(rivals).await;
    points_right(&aws, stream).await;
    finds_all(&aws, stream).await;
    aws.system.stop().await;
}

#[tokio::test]
async fn a_stream_from_before_the_chain_is_read_up_to_where_the_chain_begins() {
    let aws = Aws::start().await;
    let stream = "count-1";
    let mut head = Head::default();
    let old = [
        event(stream, "1", 1),
        reversal(stream, 1, "a"),
        event(stream, "3", 3),
    ];
    for event in &old {
        let mut commit = commit::plan(head.clone(), &[event], 1_000).remove(0);
        commit.reversal = LastReversal::Unknown;
        assert_eq!(aws.events().append(&[&commit]).await, [Inserted::New]);
        head = commit.head();
    }
    let name = StreamName::new(stream).unwrap();
    assert_eq!(aws.events().head(&name).await.unwrap(), head);
    finds_all(&aws, stream).await;
    // Behind it, nobody claims to know; a reversal begins the chain.
    let sequencer = Sequencer::new(aws.events());
    record(&sequencer, &[event(stream, "4", 4)]).await;
    let pointer = commits(&aws, stream).await[3].reversal;
    assert_eq!(pointer, LastReversal::Unknown);
    record(&sequencer, &[reversal(stream, 3, "b")]).await;
    record(
        &sequencer,
        &[event(stream, "6", 6), reversal(stream, 2, "c")],
    )
    .await;
    let pointers = commits(&aws, stream).await;
    let pointers: Vec<LastReversal> = pointers.iter().map(|c| c.reversal).collect();
    assert_eq!(pointers[4..], [LastReversal::At(5), LastReversal::At(7)]);
    finds_all(&aws, stream).await;
    aws.system.stop().await;
}

#[tokio::test]
async fn a_pointer_that_lies_is_damage() {
    let aws = Aws::start().await;
    for (stream, version) in [("count-1", 2), ("count-2", 3)] {
        let events = [event(stream, stream, 1), event(stream, "two", 2)];
        let events: Vec<CloudEvent> = events.into();
        let mut commits = commit::plan(Head::default(), &events.iter().collect::<Vec<_>>(), 1_000);
        commits[0].reversal = LastReversal::At(version);
        assert_eq!(aws.events().append(&[&commits[0]]).await, [Inserted::New]);
        let name = StreamName::new(stream).unwrap();
        let found = resolve::reversals(&aws.events(), &name, 0, 2).await;
        assert!(found.unwrap_err().to_string().contains("reversal"));
    }
    aws.system.stop().await;
}
