//! Projected once: whatever is repeated, reordered, lost, poisoned, or done by
//! two at once, a row equals the fold of the events up to its watermark.

mod support;

use futures::future::join_all;
use rewind::{CloudEvent, Delivery, Receiver, RecordedEvent, Replay, Target};
use rewind_aws::{
    data_table::{data_store::DataStore, key::Key, row::Row, stall},
    generation::lifecycle,
    project::projector::Projector,
    sequence::sequencer::{Outcome, Sequencer},
};
use serde_json::json;
use std::sync::atomic::Ordering;
use support::{Aws, THIRTEEN_IS_FINE, delivery, event, open, service};

fn target(projection: &str, generation: u64) -> Target {
    let projection = projection.to_string();
    Target {
        projection,
        generation,
    }
}

async fn row(store: &DataStore, projection: &str, generation: u64, key: &str) -> Row {
    let key = Key::row(&target(projection, generation), key);
    store.get(&key).await.unwrap().unwrap_or_default()
}

async fn record(aws: &Aws, events: &[CloudEvent]) -> Vec<RecordedEvent> {
    let outcomes = Sequencer::new(aws.events()).record(events).await;
    let recorded = outcomes.into_iter().map(|outcome| match outcome {
        Outcome::Recorded { recorded, .. } => *recorded,
        other => panic!("{other:?}"),
    });
    recorded.collect()
}

fn projector(aws: &Aws) -> Projector {
    Projector::new(service(), aws.events(), aws.data())
}

#[tokio::test]
async fn repeats_reorderings_and_losses_change_nothing() {
    let aws = Aws::start().await;
    let events: Vec<CloudEvent> = (1..=10)
        .map(|n| event("count-1", &n.to_string(), n))
        .collect();
    let events = record(&aws, &events).await;
    let projector = projector(&aws);
    let batches: [&[&[RecordedEvent]]; 5] = [
        &[&events[0..2], &events[0..2]],
        &[&events[3..5]],
        &[&events[1..4], &events[0..1]],
        &[],
        &[&events[9..10], &events[7..8]],
    ];
    for batch in batches {
        let batch: Vec<_> = batch.iter().map(|events| delivery(events)).collect();
        let projected = projector.project(&batch).await.unwrap();
        assert!(projected.failed.is_empty());
    }
    let sums = row(&aws.data(), "sums", 1, "1").await;
    assert_eq!(sums.watermark, 10);
    let seen: Vec<u64> = (1..=10).collect();
    assert_eq!(sums.state, Some(json!({"sum": 55, "seen": seen})));
    for digit in 0..10 {
        let digits = row(&aws.data(), "digits", 1, &format!("digit/{digit}")).await;
        assert_eq!(digits.state, Some(json!(1)), "digit {digit}");
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn rivals_count_nothing_twice_and_lose_nothing() {
    let aws = Aws::start().await;
    let mut deliveries = Vec::new();
    for stream in 0..12 {
        let name = format!("count-{stream}");
        let events = (20..60).map(|n| event(&name, &format!("{stream}/{n}"), n));
        let events = record(&aws, &events.collect::<Vec<_>>()).await;
        deliveries.extend(events.chunks(7).map(delivery));
    }
    let rivals = (0..3).map(|_| {
        let projector = projector(&aws);
        let deliveries = &deliveries;
        async move {
            for batch in deliveries.chunks(20) {
                // What fails comes again, as on AWS.
                while !projector.project(batch).await.unwrap().failed.is_empty() {}
            }
        }
    });
    join_all(rivals).await;
    for digit in 0..10 {
        let digits = row(&aws.data(), "digits", 1, &format!("digit/{digit}")).await;
        assert_eq!(digits.state, Some(json!(12 * 4)), "digit {digit}");
    }
    for stream in 0..12 {
        let sums = row(&aws.data(), "sums", 1, &stream.to_string()).await;
        assert_eq!(sums.watermark, 40);
        assert_eq!(sums.state.unwrap()["sum"], (20..60).sum::<u64>());
    }
    aws.system.stop().await;
}

#[tokio::test]
async fn a_poisoned_event_stalls_its_own_projection_and_stream_until_it_is_mended() {
    let aws = Aws::start().await;
    let numbers = [1, 2, 13, 4];
    let events = numbers.map(|n| event("count-sick", &format!("sick/{n}"), n));
    let sick = record(&aws, &events).await;
    let well = record(&aws, &[event("count-well", "well", 5)]).await;
    let projector = projector(&aws);
    let batch = [delivery(&sick), delivery(&well)];
    let projected = projector.project(&batch).await.unwrap();
    assert!(projected.failed.is_empty(), "the shard goes on");
    assert_eq!(projected.stalled, 1);
    let (store, data) = (aws.data(), json!({"sum": 3, "seen": [1, 2]}));
    let stalled = row(&store, "sums", 1, "sick").await;
    assert_eq!((stalled.state, stalled.watermark), (Some(data), 2));
    assert_eq!(row(&store, "sums", 1, "well").await.watermark, 1);
    assert_eq!(
        row(&store, "digits", 1, "digit/4").await.state,
        Some(json!(1))
    );
    let (reports, _) = stall::list(&store, None, None, 10).await.unwrap();
    assert_eq!(reports.len(), 1);
    assert_eq!(
        (reports[0].reader.as_str(), reports[0].version),
        ("sums@1", 3)
    );
    assert_eq!(reports[0].reason, "panicked: thirteen");

    THIRTEEN_IS_FINE.store(true, Ordering::SeqCst);
    let next = record(&aws, &[event("count-sick", "next", 6)]).await;
    projector.project(&[delivery(&next)]).await.unwrap();
    let mended = row(&store, "sums", 1, "sick").await;
    assert_eq!(
        mended.state,
        Some(json!({"sum": 26, "seen": [1, 2, 13, 4, 6]}))
    );
    assert_eq!(stall::list(&store, None, None, 10).await.unwrap().0, []);
    aws.system.stop().await;
}

#[tokio::test]
async fn an_event_that_many_streams_refuse_stalls_only_its_own_stream() {
    let aws = Aws::start().await;
    let events = [6, 666, 16].map(|n| event("count-a", &n.to_string(), n));
    let sick = record(&aws, &events).await;
    let well = record(&aws, &[event("count-b", "b", 26)]).await;
    let batch = [delivery(&sick), delivery(&well)];
    let projected = projector(&aws).project(&batch).await.unwrap();
    assert_eq!(projected.stalled, 1);
    assert!(projected.failed.is_empty());
    // 6 of one stream and 26 of the other, and nothing behind 666.
    let digits = row(&aws.data(), "digits", 1, "digit/6").await;
    assert_eq!(digits.state, Some(json!(2)));
    let checkpoint = Key::checkpoint("digits@1", "count-a");
    assert_eq!(
        aws.data()
            .get(&checkpoint)
            .await
            .unwrap()
            .unwrap()
            .watermark,
        1
    );
    aws.system.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_one_transaction_is_split_and_counted_once() {
    let aws = Aws::start().await;
    let mut batch = Vec::new();
    for (stream, rows) in [
        ("spread-a", 98),
        ("spread-b", 60),
        ("spread-c", 60),
        ("spread-d", 1),
    ] {
        let events = (0..3).map(|n| event(stream, &format!("{stream}/{n}"), rows));
        let events = record(&aws, &events.collect::<Vec<_>>()).await;
        batch.push(delivery(&events));
    }
    let projected = projector(&aws).project(&batch).await.unwrap();
    assert!(projected.failed.is_empty());
    let store = aws.data();
    for (key, expected) in [
        ("spread/0", 12),
        ("spread/59", 9),
        ("spread/60", 3),
        ("spread/97", 3),
    ] {
        assert_eq!(
            row(&store, "digits", 1, key).await.state,
            Some(json!(expected)),
            "{key}"
        );
    }
    let too_many = record(&aws, &[event("spread-e", "e", 100)]).await;
    let projected = projector(&aws)
        .project(&[delivery(&too_many)])
        .await
        .unwrap();
    assert_eq!(projected.stalled, 1);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_row_that_fits_no_item_is_refused_with_what_to_do() {
    let aws = Aws::start().await;
    let events = [200_000, 100_000, 100_001].map(|n| event("hoard-1", &n.to_string(), n));
    let events = record(&aws, &events).await;
    let projected = projector(&aws).project(&[delivery(&events)]).await.unwrap();
    assert_eq!((projected.stalled, projected.failed.len()), (1, 0));
    let hoard = row(&aws.data(), "hoards", 1, "1").await;
    assert_eq!(hoard.watermark, 2, "what fits is kept");
    assert!(hoard.stalled.unwrap().contains("spread it over rows"));
    aws.system.stop().await;
}

#[tokio::test]
async fn a_long_stream_is_folded_in_several_writes() {
    let aws = Aws::start().await;
    // Each its own commit: more than 40 pages of 50.
    let sequencer = Sequencer::new(aws.events());
    let mut last = None;
    for n in 0..2_100u64 {
        let outcomes = sequencer
            .record(&[event("count-1", &n.to_string(), 1_000)])
            .await;
        let Outcome::Recorded { recorded, .. } = &outcomes[0] else {
            panic!("{outcomes:?}");
        };
        last = Some((**recorded).clone());
    }
    let projected = projector(&aws)
        .project(&[delivery(&[last.unwrap()])])
        .await
        .unwrap();
    assert!(projected.failed.is_empty());
    let sums = row(&aws.data(), "sums", 1, "1").await;
    assert_eq!(sums.watermark, 2_100);
    assert_eq!(sums.revision, 2, "what 40 pages hold is kept in between");
    aws.system.stop().await;
}

#[tokio::test]
async fn a_replay_reaches_only_the_generation_that_it_is_for() {
    let aws = Aws::start().await;
    let events: Vec<CloudEvent> = (1..=4)
        .map(|n| event("count-1", &n.to_string(), n))
        .collect();
    let events = record(&aws, &events).await;
    let (store, projector) = (aws.data(), projector(&aws));
    projector.project(&[delivery(&events[..2])]).await.unwrap();
    let service = service();
    let sums = service.projection("sums").unwrap();
    let begin = async |playback| open(&store, sums, playback, false).await;
    let building = begin("r").await.unwrap();
    assert_eq!(building, target("sums", 2));
    assert_eq!(begin("r").await.unwrap(), building, "asked twice");
    assert!(begin("s").await.is_err(), "one at a time");
    // Live events reach both; the replay meets what is there already.
    projector.project(&[delivery(&events[2..3])]).await.unwrap();
    let replay = |to: Target| Replay::new("r", [Receiver::Projection(to)]);
    let replayed = |to: Target| {
        let delivery = Delivery {
            replay: Some(replay(to)),
            events: events.clone(),
        };
        (0, delivery)
    };
    projector
        .project(&[replayed(building.clone())])
        .await
        .unwrap();
    assert_eq!(row(&store, "sums", 1, "1").await.watermark, 3);
    let built = row(&store, "sums", 2, "1").await;
    assert_eq!(built.watermark, 4);
    assert_eq!(built.state, Some(json!({"sum": 10, "seen": [1, 2, 3, 4]})));
    // Nobody asked for that one.
    projector
        .project(&[replayed(target("sums", 7))])
        .await
        .unwrap();
    assert_eq!(row(&store, "sums", 7, "1").await, Row::default());
    lifecycle::activate(&store, &building).await.unwrap();
    assert_eq!(lifecycle::of(&store, "sums").await.unwrap().serving, 2);
    assert!(
        lifecycle::activate(&store, &target("sums", 9))
            .await
            .is_err()
    );
    aws.system.stop().await;
}
