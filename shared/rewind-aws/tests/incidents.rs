//! Incidents: each is noted once, is over when it is seen no more, and expires
//! later.

mod support;

use jiff::Timestamp;
use playback::Handler;
use rewind_aws::{
    aws::clock::now,
    data_table::incident::{self, Incident, Kind},
    project::projector::Projector,
    sequence::sequencer::Sequencer,
};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;
use support::{Aws, THIRTEEN_IS_FINE, delivery, event, handler, recorded, service};

async fn invoke(handler: &Handler, payload: Value) {
    let deadline = now().as_millisecond().unsigned_abs() + 60_000;
    let answer = handler.handle(payload, deadline).await;
    answer.unwrap_or_else(|error| panic!("{}: {}", error.error_type, error.error_message));
}

/// What the schedule does each minute.
async fn look(handler: &Handler) {
    invoke(handler, json!({"recover": {}})).await;
}

async fn listed(aws: &Aws) -> Vec<Incident> {
    let (listed, next) = incident::list(&aws.data(), None, 100).await.unwrap();
    assert_eq!(next, None);
    listed.into_iter().map(|(_, incident)| incident).collect()
}

/// When the table may delete each item of the list.
async fn expiries(aws: &Aws) -> Vec<Option<Timestamp>> {
    let items = aws.data().list("rewind#incidents", "", None, 100).await;
    let (items, _) = items.unwrap();
    let expires = items.iter().map(|item| {
        let seconds = item.get("expires")?.as_n().unwrap().parse().unwrap();
        Some(Timestamp::from_second(seconds).unwrap())
    });
    expires.collect()
}

#[tokio::test]
async fn a_stall_is_one_incident_however_often_it_is_seen_and_over_when_it_is_resolved() {
    let aws = Aws::start().await;
    let playback = handler(&aws);
    let projector = Projector::new(service(), aws.events(), aws.data());
    look(&playback).await;
    assert_eq!(listed(&aws).await, []);

    let events = [event("count-1", "a", 1), event("count-1", "b", 13)];
    Sequencer::new(aws.events()).record(&events).await;
    let delivered = [delivery(&recorded(&aws.events(), "count-1").await)];
    projector.project(&delivered).await.unwrap();
    let before = now();
    look(&playback).await;
    let first = listed(&aws).await;
    let [stall] = &first[..] else {
        panic!("{first:?}");
    };
    assert_eq!(stall.kind, Kind::StalledStream);
    assert_eq!(stall.what, "sums@1 on count-1@2");
    assert_eq!(stall.at.as_deref(), Some("count-1@2"));
    assert!(stall.why.contains("thirteen"), "{}", stall.why);
    assert!((before..=now()).contains(&stall.since), "{stall:?}");
    assert_eq!(stall.until, None);
    assert_eq!(expiries(&aws).await, [None], "what is open stays");
    look(&playback).await;
    look(&playback).await;
    assert_eq!(listed(&aws).await, first);

    THIRTEEN_IS_FINE.store(true, Ordering::SeqCst);
    projector.project(&delivered).await.unwrap();
    look(&playback).await;
    let over = listed(&aws).await;
    let until = over[0].until.expect("it is over");
    assert!((stall.since..=now()).contains(&until), "{over:?}");
    let expected = Incident {
        until: Some(until),
        ..stall.clone()
    };
    assert_eq!(over, [expected]);
    let expires = expiries(&aws).await[0].expect("what is over expires");
    let days = expires.duration_since(until).as_hours() / 24;
    assert!((89..=90).contains(&days), "{days}");
    look(&playback).await;
    assert_eq!(listed(&aws).await, over, "it ends once");
    aws.system.stop().await;
}

#[tokio::test]
async fn looks_at_once_make_one_incident_and_end_it_once() {
    let aws = Aws::start().await;
    let playback = handler(&aws);
    let letter = include_str!("../../../events/playback-dead-letter.json");
    let letter: Value = serde_json::from_str(letter).unwrap();
    let key = "aws/lambda/a";
    let mut told = letter.clone();
    told["Records"][0]["s3"]["object"]["key"] = key.into();
    for _ in 0..2 {
        invoke(&playback, told.clone()).await;
        let looks = (0..4).map(|_| look(&playback));
        futures::future::join_all(looks).await;
        let open = incident::open(&aws.data()).await.unwrap();
        assert_eq!(open, listed(&aws).await);
        let names: Vec<&str> = open.iter().map(|one| one.what.as_str()).collect();
        assert_eq!(names, [key]);
        assert_eq!(open[0].since.to_string(), "2023-04-19T09:00:00Z");

        invoke(&playback, json!({"handled": {"deadLetter": key}})).await;
        let looks = (0..4).map(|_| look(&playback));
        futures::future::join_all(looks).await;
        assert_eq!(incident::open(&aws.data()).await.unwrap(), []);
        let over = listed(&aws).await;
        // S3 may tell of the same letter again: it is the same incident.
        assert_eq!(over.len(), 1);
        assert!(over[0].until.is_some());
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn the_latest_is_listed_first() {
    let aws = Aws::start().await;
    let of = |what: &str, since: &str| Incident {
        kind: Kind::ReaderBehind,
        what: what.into(),
        at: None,
        why: "3 events wait for it.".into(),
        since: since.parse().unwrap(),
        until: None,
    };
    let [second, third, first] = [
        of("carts@1", "2026-11-30T12:00:00Z"),
        of("orders@1", "2026-11-30T12:00:00.001Z"),
        of("carts@2", "2001-09-09T01:46:39Z"),
    ];
    for incident in [&second, &third, &first] {
        incident::begin(&aws.data(), incident).await.unwrap();
    }
    assert_eq!(listed(&aws).await, [third, second.clone(), first]);
    // What is open is not begun again, whenever that is said to be.
    let again = of("carts@1", "2026-11-30T13:00:00Z");
    incident::begin(&aws.data(), &again).await.unwrap();
    assert_eq!(listed(&aws).await.len(), 3);
    incident::end(&aws.data(), &second, now()).await.unwrap();
    incident::begin(&aws.data(), &again).await.unwrap();
    assert_eq!(listed(&aws).await[0], again);
    aws.system.stop().await;
}
