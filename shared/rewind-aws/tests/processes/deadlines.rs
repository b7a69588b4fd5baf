//! Deadlines fire once, at or after their time, in the order of their times.

use crate::{
    domain::{
        LOST_IS_FINE,
        ParcelEvent::{Arrived, Lost, Sent},
        service,
    },
    post::{Post, parcel, start},
};
use aws_lambda_events::encodings::Body;
use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};
use rewind::{StreamName, Timestamp, jiff::SignedDuration, reversal::Reversal};
use rewind_aws::{
    aws::http::Request,
    data_table::stall::{self, Stall},
};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

const MONDAY: &str = "2026-01-05T09:00:00Z";

#[tokio::test]
async fn a_deadline_fires_once_and_never_early() {
    let mut post = start().await;
    post.pump(&[parcel("1", 1, MONDAY, &Sent { hours: 24 })])
        .await;
    post.settle().await;
    let journal = "process:chase-1";
    assert_eq!(post.types(journal).await, ["event-taken", "deadline-set"]);
    assert_eq!(post.fire("2026-01-06T08:59:59Z").await.fired, 0);
    assert_eq!(post.fire("2026-01-06T09:00:00Z").await.fired, 1);
    assert_eq!(post.fire("2026-01-07T09:00:00Z").await.fired, 0);
    post.settle().await;
    assert_eq!(post.fire("2026-01-08T09:00:00Z").await.fired, 0);
    let told = post.recorded(journal).await;
    let types: Vec<&str> = told.iter().map(|event| event.event_type()).collect();
    let expected = [
        "event-taken",
        "deadline-set",
        "deadline-reached",
        "command-issued",
    ];
    assert_eq!(types, expected);
    assert_eq!(
        told[2].event.time, "2026-01-06T09:00:00Z",
        "when it was due"
    );
    let opened = post.recorded("complaint-1").await;
    assert_eq!(opened.len(), 1);
    // What it belongs to goes through.
    assert_eq!(opened[0].event.extension("correlationid"), Some("1/1"));
    assert_eq!(opened[0].event.time, "2026-01-06T09:00:00Z");
}

#[tokio::test]
async fn what_comes_before_it_takes_it_back() {
    let mut post = start().await;
    post.pump(&[parcel("1", 1, MONDAY, &Sent { hours: 24 })])
        .await;
    post.settle().await;
    post.pump(&[parcel("1", 2, MONDAY, &Arrived {})]).await;
    post.settle().await;
    let fired = post.fire("2027-01-01T00:00:00Z").await;
    assert_eq!((fired.fired, fired.over), (0, 0), "the list has it no more");
    assert_eq!(post.recorded("complaint-1").await, []);
}

#[tokio::test]
async fn two_timers_at_once_fire_it_once() {
    let mut post = start().await;
    let sent = (0..20).map(|nth| parcel(&nth.to_string(), 1, MONDAY, &Sent { hours: nth }));
    post.pump(&sent.collect::<Vec<_>>()).await;
    post.settle().await;
    let now: Timestamp = "2026-02-01T00:00:00Z".parse().unwrap();
    let (a, b, c) = (post.timer(), post.timer(), post.timer());
    futures::future::join_all([&a, &b, &c].map(|timer| timer.fire(now, || true))).await;
    post.settle().await;
    for nth in 0..20 {
        let types = post.types(&format!("process:chase-{nth}")).await;
        let reached = types.iter().filter(|known| *known == "deadline-reached");
        assert_eq!(reached.count(), 1, "{types:?}");
        assert_eq!(post.recorded(&format!("complaint-{nth}")).await.len(), 1);
    }
}

#[tokio::test]
async fn a_reversal_of_what_set_it_takes_it_back() {
    let mut post = start().await;
    post.pump(&[parcel("1", 1, MONDAY, &Sent { hours: 24 })])
        .await;
    post.settle().await;
    let stream = StreamName::new("parcel-1").unwrap();
    for (version, fires) in [(1, 0), (2, 1)] {
        let named = post
            .aws
            .events()
            .event(&stream, version)
            .await
            .unwrap()
            .unwrap();
        let reversal = Reversal {
            version,
            source: named.event.source.clone(),
            id: named.event.id.clone(),
            reason: "a slip".into(),
            by: "ann".into(),
        };
        post.pump(&[reversal.event(&named, 0, MONDAY.into())]).await;
        post.settle().await;
        let fired = post.fire("2027-01-01T00:00:00Z").await;
        assert_eq!(fired.fired, fires, "after the reversal of {version}");
    }
}

#[tokio::test]
async fn what_a_process_refuses_stalls_its_stream_alone() {
    let mut post = start().await;
    post.pump(&[
        parcel("1", 1, MONDAY, &Lost {}),
        parcel("1", 2, MONDAY, &Sent { hours: 1 }),
        parcel("2", 1, MONDAY, &Sent { hours: 1 }),
    ])
    .await;
    post.settle().await;
    assert_eq!(post.stalls().await, ["process/chase parcel-1@1"]);
    assert_eq!(
        post.types("process:chase-2").await,
        ["event-taken", "deadline-set"]
    );
    LOST_IS_FINE.store(true, Ordering::SeqCst);
    post.replay(&["parcel-1".into()]).await;
    assert_eq!(post.stalls().await, [] as [String; 0]);
    let types = post.types("process:chase-1").await;
    assert_eq!(types, ["event-taken", "event-taken", "deadline-set"]);
}

#[tokio::test]
async fn a_report_of_a_deadline_that_comes_late_does_not_stay() {
    let mut post = start().await;
    post.pump(&[parcel("1", 1, MONDAY, &Sent { hours: 1 })])
        .await;
    post.settle().await;
    // Of a timer that has died, behind the one that has fired it.
    let journal = StreamName::new("process:chase-1").unwrap();
    assert_eq!(post.fire("2026-01-07T10:00:00Z").await.fired, 1);
    let stall = Stall::new("timer/chase", &journal, 1, "not mended yet");
    let report = [stall::report(&stall).unwrap()];
    post.aws.data().write_together(&report).await.unwrap();
    assert_eq!(post.stalls().await, ["timer/chase process:chase-1@2"]);
    assert_eq!(post.fire("2026-01-07T10:00:00Z").await.fired, 0);
    assert_eq!(post.stalls().await, [] as [String; 0]);
}

/// What `/health` says of the timer, and its status.
async fn timer(post: &Post) -> (Value, Value) {
    let incoming = post.aws.stream("IncomingStream");
    let query = query::Handler::new(service(), post.aws.events(), post.aws.data(), incoming);
    let mut request = Request::default();
    request.route_key = Some("GET /health".into());
    let Some(Body::Text(text)) = query.handle(&request).await.body else {
        panic!("no text");
    };
    let health: Value = serde_json::from_str(&text).unwrap();
    let mut readers = health["readers"].as_array().unwrap().iter();
    let timer = readers.find(|reader| reader["reader"] == "timer");
    (timer.unwrap().clone(), health["status"].clone())
}

#[tokio::test]
async fn a_deadline_that_nobody_fires_is_told_of() {
    let mut post = start().await;
    let nothing = json!({"reader": "timer", "events": 0, "seconds": 0});
    // By the clock of this machine, that was long ago, and this comes late.
    for (id, time) in [("1", MONDAY), ("2", "2096-01-02T09:00:00Z")] {
        post.pump(&[parcel(id, 1, time, &Sent { hours: 1 })]).await;
    }
    post.settle().await;
    let (told, status) = timer(&post).await;
    assert_eq!((&told["events"], &status), (&json!(1), &json!("behind")));
    assert!(told["seconds"].as_u64() > Some(10_000_000), "{told}");
    assert_eq!(post.fire("2026-01-07T10:00:00Z").await.fired, 1);
    post.settle().await;
    assert_eq!(timer(&post).await, (nothing, json!("ok")));
}

/// Deadlines in random order over three years. Each fires once, none early,
/// and the history tells them in the order of their times. `DEADLINES` says how
/// many: the project's claim is 10,000.
#[tokio::test]
async fn three_years_of_deadlines_with_deaths_and_a_rebuild() {
    let count = std::env::var("DEADLINES").map_or(150, |count| count.parse().unwrap());
    let mut post = start().await;
    let mut dice = SmallRng::seed_from_u64(11);
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut hours: Vec<i64> = (0..count).map(|nth| nth * 3 * 365 * 24 / count).collect();
    hours.shuffle(&mut dice);
    let sent: Vec<_> = hours
        .iter()
        .enumerate()
        .map(|(nth, hours)| {
            let sent = Sent { hours: *hours };
            parcel(
                &format!("{}", nth % 500),
                nth as u64,
                &start.to_string(),
                &sent,
            )
        })
        .collect();
    for some in sent.chunks(500) {
        post.pump(some).await;
    }
    post.settle().await;
    let mut month = start;
    for nth in 0..37 {
        month += SignedDuration::from_hours(30 * 24);
        // Some timers die in the middle of their work.
        let mut left = 7;
        let dying = post.timer();
        dying.fire(month, || nth % 3 != 0).await.unwrap();
        while left > 0 && nth % 3 == 1 {
            left -= 1;
            let timer = post.timer();
            let life = std::time::Duration::from_millis(3 * left);
            if let Ok(done) = tokio::time::timeout(life, timer.fire(month, || true)).await {
                done.unwrap();
            }
        }
        if nth == 17 {
            post.wipe().await;
            let parcels = (0..500.min(count)).map(|nth| format!("parcel-{nth}"));
            let journals = (0..500.min(count)).map(|nth| format!("process:chase-{nth}"));
            let streams: Vec<String> = parcels.chain(journals).collect();
            post.replay(&streams).await;
        }
        post.fire(&month.to_string()).await;
        post.settle().await;
    }
    let mut reached = Vec::new();
    for nth in 0..500.min(count) {
        for event in post.recorded(&format!("process:chase-{nth}")).await {
            if event.event_type() == "deadline-reached" {
                reached.push((event.event.time.parse::<Timestamp>().unwrap(), event));
            }
        }
        let of_this = (0..count).filter(|sent| sent % 500 == nth).count();
        assert_eq!(
            post.recorded(&format!("complaint-{nth}")).await.len(),
            of_this
        );
    }
    assert_eq!(reached.len() as i64, count, "each has fired once");
    reached.sort_by_key(|(_, event)| event.position);
    assert!(
        reached.is_sorted_by_key(|(at, _)| *at),
        "in the order of due times"
    );
    assert_eq!(post.stalls().await, [] as [String; 0]);
}
