//! The contract of the events table, against a real DynamoDB protocol.

mod support;

use rewind::{CloudEvent, Head, StreamName, commit};
use rewind_aws::event_table::event_store::{After, Claim, EventStore, Inserted};
use support::{Aws, event, recorded};

fn plan(head: Head, events: &[CloudEvent]) -> Vec<rewind::Commit> {
    commit::plan(head, &events.iter().collect::<Vec<_>>(), 1_000)
}

/// Appends `count` commits of three events to `count-pages`.
async fn pages(store: &EventStore, count: u64) {
    let mut head = Head::default();
    for nth in 0..count {
        let ids = (0..3).map(|n| event("count-pages", &format!("{nth}/{n}"), n));
        let commits = plan(head, &ids.collect::<Vec<_>>());
        assert_eq!(store.append(&[&commits[0]]).await, [Inserted::New]);
        head = commits[0].head();
    }
}

#[tokio::test]
async fn a_commit_is_inserted_once_and_never_changed() {
    let aws = Aws::start().await;
    let store = aws.events();
    let first = plan(Head::default(), &[event("count-1", "a", 1)]);
    assert_eq!(store.append(&[&first[0]]).await, [Inserted::New]);
    let second = plan(Head::default(), &[event("count-1", "b", 2)]);
    assert_eq!(store.append(&[&second[0]]).await, [Inserted::Taken]);
    let events = recorded(&store, "count-1").await;
    assert_eq!(events[0].event, event("count-1", "a", 1));
    assert_eq!(events.len(), 1);
    let stream = StreamName::new("count-1").unwrap();
    assert_eq!(store.head(&stream).await.unwrap(), first[0].head());
    let nobody = StreamName::new("count-nobody").unwrap();
    assert_eq!(store.head(&nobody).await.unwrap(), Head::default());
    aws.system.stop().await;
}

#[tokio::test]
async fn a_claim_stands_for_ever() {
    let aws = Aws::start().await;
    let store = aws.events();
    let claim = |n: u64| {
        let event = event("count-1", "claimed", n);
        Claim {
            identity: event.identity(),
            fingerprint: event.fingerprint(),
            stream: event.stream,
            from: n,
        }
    };
    assert_eq!(store.claim(&[claim(1)]).await, [Inserted::New]);
    assert_eq!(store.claim(&[claim(2)]).await, [Inserted::Taken]);
    let identity = claim(1).identity;
    let standing = store.claims(&[&identity, "nobody"]).await.unwrap();
    assert_eq!(standing.get(&identity), Some(&claim(1)));
    assert_eq!(standing.len(), 1);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_stream_is_read_from_any_version_page_by_page() {
    let aws = Aws::start().await;
    let store = aws.events();
    let stream = StreamName::new("count-pages").unwrap();
    // More than two pages.
    pages(&store, 130).await;
    assert_eq!(recorded(&store, "count-pages").await.len(), 390);
    for after in [0, 1, 2, 3, 100, 149, 388, 389, 390, 400] {
        let (events, _) = store.read_events(&stream, after, u64::MAX).await.unwrap();
        let first = events.first().map(|event| event.version);
        assert_eq!(first, (after < 390).then_some(after + 1), "after {after}");
    }
    let (events, has_more) = store.read_events(&stream, 4, 9).await.unwrap();
    let versions: Vec<u64> = events.iter().map(|event| event.version).collect();
    assert_eq!((versions, has_more), (vec![5, 6, 7, 8, 9], false));
    aws.system.stop().await;
}

#[tokio::test]
async fn the_index_lists_commits_in_recorded_order() {
    let aws = Aws::start().await;
    let store = aws.events();
    pages(&store, 130).await;
    let slice = StreamName::new("count-pages").unwrap().partition();
    let mut positions = Vec::new();
    let mut after = After::Position(0);
    loop {
        let page = store.read_index(&slice, &after, 20).await.unwrap();
        positions.extend(page.entries.iter().map(|entry| entry.position));
        if !page.has_more {
            break;
        }
        let last = page.entries.last().unwrap();
        after = After::Commit(last.cursor());
    }
    assert!(positions.len() >= 130);
    assert!(positions.is_sorted());
    let from = positions[100];
    let last = store.last_entry(&slice, from).await.unwrap().unwrap();
    assert_eq!(last.position, positions[99]);
    let from_there = After::Position(from);
    let page = store.read_index(&slice, &from_there, 20).await.unwrap();
    assert_eq!(page.entries[0].position, from);
    let keys: Vec<_> = page
        .entries
        .iter()
        .map(|entry| (&entry.stream, entry.version))
        .collect();
    let commits = store.get(&keys).await.unwrap();
    let read: Vec<_> = commits
        .iter()
        .map(|commit| (&commit.stream, commit.version))
        .collect();
    assert_eq!(read, keys);
    aws.system.stop().await;
}

#[tokio::test]
async fn many_commits_are_inserted_at_once() {
    let aws = Aws::start().await;
    let store = aws.events();
    let streams: Vec<String> = (0..60).map(|nth| format!("count-many.{nth}")).collect();
    let commits: Vec<_> = streams
        .iter()
        .map(|stream| plan(Head::default(), &[event(stream, stream, 1)]).remove(0))
        .collect();
    let commits: Vec<_> = commits.iter().collect();
    assert_eq!(store.append(&commits[..30]).await, vec![Inserted::New; 30]);
    let answers = store.append(&commits).await;
    assert_eq!(answers[..30], vec![Inserted::Taken; 30]);
    assert_eq!(answers[30..], vec![Inserted::New; 30]);
    aws.system.stop().await;
}
