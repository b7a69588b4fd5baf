//! Recorded once, dense, in order: whatever is repeated, left half done, or
//! done by two at once.

mod support;

use futures::future::join_all;
use rewind::CloudEvent;
use rewind_aws::{
    event_table::event_store::{Claim, Inserted},
    sequence::sequencer::{Outcome, Sequencer},
};
use support::{Aws, event, recorded};

fn versions(outcomes: &[Outcome]) -> Vec<(u64, bool)> {
    let recorded = outcomes.iter().map(|outcome| match outcome {
        Outcome::Recorded { recorded, is_new } => (recorded.version, *is_new),
        other => panic!("{other:?}"),
    });
    recorded.collect()
}

fn claim(event: &CloudEvent, from: u64) -> Claim {
    Claim {
        identity: event.identity(),
        fingerprint: event.fingerprint(),
        stream: event.stream.clone(),
        from,
    }
}

#[tokio::test]
async fn a_repeat_is_recorded_once_whoever_meets_it() {
    let aws = Aws::start().await;
    let events = [
        event("count-1", "a", 1),
        event("count-2", "b", 2),
        event("count-1", "c", 3),
        event("count-1", "a", 1),
    ];
    let first = Sequencer::new(aws.events());
    let outcomes = first.record(&events).await;
    assert_eq!(
        versions(&outcomes),
        [(1, true), (1, true), (2, true), (1, false)]
    );
    // The same process, with remembered heads.
    let outcomes = first.record(&events).await;
    assert_eq!(
        versions(&outcomes),
        [(1, false), (1, false), (2, false), (1, false)]
    );
    // Another process, with none.
    let another = Sequencer::new(aws.events());
    let mixed = [
        event("count-1", "d", 4),
        events[2].clone(),
        events[0].clone(),
    ];
    let outcomes = another.record(&mixed).await;
    assert_eq!(versions(&outcomes), [(3, true), (2, false), (1, false)]);
    // The first one's memory is outdated now.
    let outcomes = first
        .record(&[event("count-1", "e", 5), mixed[0].clone()])
        .await;
    assert_eq!(versions(&outcomes), [(4, true), (3, false)]);
    assert_eq!(recorded(&aws.events(), "count-1").await.len(), 4);
    aws.system.stop().await;
}

#[tokio::test]
async fn the_same_id_with_other_content_is_a_conflict() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let events = [event("count-1", "a", 1), event("count-1", "a", 2)];
    let outcomes = sequencer.record(&events).await;
    assert!(matches!(outcomes[1], Outcome::Conflict), "in one batch");
    let elsewhere = event("count-2", "a", 1);
    let later = [events[1].clone(), elsewhere, event("count-1", "b", 3)];
    let outcomes = sequencer.record(&later).await;
    assert!(matches!(outcomes[0], Outcome::Conflict), "in a later one");
    assert!(
        matches!(outcomes[1], Outcome::Conflict),
        "for another stream"
    );
    assert_eq!(versions(&outcomes[2..]), [(2, true)]);
    assert_eq!(recorded(&aws.events(), "count-1").await.len(), 2);
    assert_eq!(recorded(&aws.events(), "count-2").await.len(), 0);
    aws.system.stop().await;
}

#[tokio::test]
async fn an_impostor_in_front_does_not_take_the_identity_of_a_recorded_event() {
    let aws = Aws::start().await;
    let (own, impostor) = (event("count-1", "a", 1), event("count-1", "a", 2));
    let sequencer = Sequencer::new(aws.events());
    sequencer.record(std::slice::from_ref(&own)).await;
    let outcomes = sequencer.record(&[impostor.clone(), own.clone()]).await;
    assert!(matches!(outcomes[0], Outcome::Conflict));
    assert_eq!(versions(&outcomes[1..]), [(1, false)]);
    // Claimed, and never recorded: the claim says whose it is.
    let (own, impostor) = (event("count-2", "b", 1), event("count-2", "b", 2));
    assert_eq!(aws.events().claim(&[claim(&own, 1)]).await, [Inserted::New]);
    let outcomes = sequencer.record(&[impostor, own]).await;
    assert!(matches!(outcomes[0], Outcome::Conflict));
    assert_eq!(versions(&outcomes[1..]), [(1, true)]);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_claim_whose_event_was_never_recorded_does_not_swallow_it() {
    let aws = Aws::start().await;
    let store = aws.events();
    let orphan = event("count-1", "orphan", 1);
    assert_eq!(store.claim(&[claim(&orphan, 1)]).await, [Inserted::New]);
    let sequencer = Sequencer::new(aws.events());
    // Others went on meanwhile.
    sequencer
        .record(&[event("count-1", "a", 2), event("count-1", "b", 3)])
        .await;
    let batch = [
        event("count-1", "c", 4),
        orphan.clone(),
        event("count-1", "d", 5),
    ];
    let outcomes = sequencer.record(&batch).await;
    assert_eq!(versions(&outcomes), [(3, true), (4, true), (5, true)]);
    let outcomes = Sequencer::new(aws.events()).record(&[orphan]).await;
    assert_eq!(versions(&outcomes), [(4, false)]);
    aws.system.stop().await;
}

#[tokio::test]
async fn rivals_on_one_stream_record_each_event_once() {
    let aws = Aws::start().await;
    let shared: Vec<CloudEvent> = (0..40)
        .map(|n| event("count-1", &format!("shared/{n}"), n))
        .collect();
    let rivals = (0..6).map(|rival| {
        let sequencer = Sequencer::new(aws.events());
        let shared = &shared;
        async move {
            for (round, batch) in shared.chunks(8).enumerate() {
                let own = (0..3).map(|n| event("count-1", &format!("{rival}/{round}/{n}"), n));
                let events: Vec<CloudEvent> = own.chain(batch.iter().cloned()).collect();
                let outcomes = sequencer.record(&events).await;
                versions(&outcomes);
            }
        }
    });
    join_all(rivals).await;
    let events = recorded(&aws.events(), "count-1").await;
    let mut ids: Vec<&str> = events.iter().map(|event| event.event.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), events.len(), "an event is recorded twice");
    assert_eq!(events.len(), 40 + 6 * 5 * 3, "an event is lost");
    aws.system.stop().await;
}

#[tokio::test]
async fn a_hot_stream_of_thousands_of_events_stays_dense_and_in_order() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let events: Vec<CloudEvent> = (0..3000)
        .map(|n| event("count-hot", &n.to_string(), n))
        .collect();
    sequencer.record(&events).await;
    let ids = recorded(&aws.events(), "count-hot").await;
    let ids = ids.iter().map(|event| event.event.id.clone());
    assert!(ids.eq((0..3000).map(|n| n.to_string())));
    aws.system.stop().await;
}
