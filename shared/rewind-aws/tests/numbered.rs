//! Numbered events: recorded once without a claim, whatever is repeated, comes
//! late, or is recorded by two at once.

mod support;

use futures::future::join_all;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use rewind::{CloudEvent, numbers::MAX_SOURCES};
use rewind_aws::{
    event_table::event_store::{Claim, Inserted},
    sequence::sequencer::{Outcome, Sequencer},
};
use std::collections::BTreeSet;
use support::{Aws, event, recorded};

/// The event of a number; its data is the number.
fn numbered(stream: &str, number: u64) -> CloudEvent {
    event(stream, &format!("#{stream}/{number}"), number)
}

fn from(source: &str, event: CloudEvent) -> CloudEvent {
    CloudEvent {
        source: source.into(),
        ..event
    }
}

fn versions(outcomes: &[Outcome]) -> Vec<(u64, bool)> {
    let recorded = outcomes.iter().map(|outcome| match outcome {
        Outcome::Recorded { recorded, is_new } => (recorded.version, *is_new),
        other => panic!("{other:?}"),
    });
    recorded.collect()
}

/// Which of these have a claim.
async fn claimed(aws: &Aws, events: &[CloudEvent]) -> Vec<bool> {
    let identities: Vec<String> = events.iter().map(CloudEvent::identity).collect();
    let wanted: Vec<&str> = identities.iter().map(String::as_str).collect();
    let claims = aws.events().claims(&wanted).await.unwrap();
    let identities = identities.iter();
    identities
        .map(|identity| claims.contains_key(identity))
        .collect()
}

#[tokio::test]
async fn what_comes_in_the_order_of_its_numbers_needs_no_claim_and_no_repeat_is_recorded() {
    let aws = Aws::start().await;
    let events: Vec<CloudEvent> = (1..=5).map(|n| numbered("count-1", n)).collect();
    let first = Sequencer::new(aws.events());
    let outcomes = first.record(&events[..3]).await;
    assert_eq!(versions(&outcomes), [(1, true), (2, true), (3, true)]);
    // The same process, with the next ones; another, without a memory.
    let outcomes = first.record(&events).await;
    let told = [(1, false), (2, false), (3, false), (4, true), (5, true)];
    assert_eq!(versions(&outcomes), told);
    let another = Sequencer::new(aws.events());
    let outcomes = another.record(&events).await;
    assert_eq!(
        versions(&outcomes),
        told.map(|(version, _)| (version, false))
    );
    assert_eq!(claimed(&aws, &events).await, [false; 5]);
    assert_eq!(recorded(&aws.events(), "count-1").await.len(), 5);
    aws.system.stop().await;
}

#[tokio::test]
async fn what_comes_late_is_claimed_recorded_once_and_never_taken_for_a_repeat() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let [six, seven, eight, nine, ten] = [6, 7, 8, 9, 10].map(|n| numbered("count-1", n));
    // Late within a batch, and late in the next one.
    let outcomes = sequencer
        .record(&[six.clone(), nine.clone(), eight.clone()])
        .await;
    assert_eq!(versions(&outcomes), [(1, true), (2, true), (3, true)]);
    let late = [ten.clone(), seven.clone()];
    assert_eq!(
        versions(&sequencer.record(&late).await),
        [(4, true), (5, true)]
    );
    let all = [six, seven, eight, nine, ten];
    assert_eq!(claimed(&aws, &all).await, [false, true, true, false, false]);
    for sequencer in [sequencer, Sequencer::new(aws.events())] {
        let outcomes = sequencer.record(&all).await;
        let told = [(1, false), (5, false), (3, false), (2, false), (4, false)];
        assert_eq!(versions(&outcomes), told);
    }
    assert_eq!(recorded(&aws.events(), "count-1").await.len(), 5);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_memory_that_is_outdated_records_nothing_twice_and_loses_nothing() {
    let aws = Aws::start().await;
    let (one, other) = (Sequencer::new(aws.events()), Sequencer::new(aws.events()));
    let events: Vec<CloudEvent> = (0..=9).map(|n| numbered("count-1", n)).collect();
    one.record(&events[..2]).await;
    // The other one goes on to 6, and leaves 4 out.
    let some = [2, 3, 5, 6].map(|n: usize| events[n].clone());
    other.record(&some).await;
    // To the first one all of these are new.
    let outcomes = one.record(&events[2..8]).await;
    let told = [
        (3, false),
        (4, false),
        (7, true),
        (5, false),
        (6, false),
        (8, true),
    ];
    assert_eq!(versions(&outcomes), told);
    // 4 is behind 6 now: the claim tells of it.
    assert_eq!(claimed(&aws, &events[4..5]).await, [true]);
    let outcomes = other.record(&events[4..5]).await;
    assert_eq!(versions(&outcomes), [(7, false)]);
    let outcomes = Sequencer::new(aws.events()).record(&events[4..5]).await;
    assert_eq!(versions(&outcomes), [(7, false)]);
    aws.system.stop().await;
}

#[tokio::test]
async fn other_content_under_a_number_is_a_conflict_whoever_is_in_front() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let own = numbered("count-1", 1);
    let impostor = event("count-1", "#count-1/1", 99);
    let outcomes = sequencer.record(&[own.clone(), impostor.clone()]).await;
    assert_eq!(versions(&outcomes[..1]), [(1, true)]);
    assert!(matches!(outcomes[1], Outcome::Conflict), "in one batch");
    for sequencer in [sequencer, Sequencer::new(aws.events())] {
        let batch = [impostor.clone(), own.clone(), numbered("count-1", 2)];
        let outcomes = sequencer.record(&batch).await;
        assert!(matches!(outcomes[0], Outcome::Conflict), "in a later one");
        assert_eq!(versions(&outcomes[1..2]), [(1, false)]);
    }
    // Another source has numbers of its own.
    let outcomes = Sequencer::new(aws.events())
        .record(&[from("/other", impostor)])
        .await;
    assert_eq!(versions(&outcomes), [(3, true)]);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_number_of_another_stream_or_of_none_is_refused() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let misnumbered = ["#count-2/1", "#count-1/01", "#count-1", "#", "#7"];
    let events: Vec<CloudEvent> = misnumbered.map(|id| event("count-1", id, 1)).to_vec();
    for outcome in sequencer.record(&events).await {
        assert!(matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
    }
    let plain = event("count-1", "count-1/1", 1);
    assert_eq!(versions(&sequencer.record(&[plain]).await), [(1, true)]);
    aws.system.stop().await;
}

#[tokio::test]
async fn sources_for_which_there_is_no_room_keep_their_claims() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let sources: Vec<String> = (0..MAX_SOURCES + 3).map(|nth| format!("/{nth}")).collect();
    let round = |number| {
        let of = |source: &String| from(source, numbered("count-1", number));
        sources.iter().map(of).collect::<Vec<_>>()
    };
    let (first, second) = (round(1), round(2));
    sequencer.record(&first).await;
    let outcomes = Sequencer::new(aws.events()).record(&second).await;
    assert!(versions(&outcomes).iter().all(|(_, is_new)| *is_new));
    for events in [&first, &second] {
        let claimed = claimed(&aws, events).await;
        assert_eq!(claimed.iter().filter(|claimed| **claimed).count(), 3);
        for sequencer in [&sequencer, &Sequencer::new(aws.events())] {
            let outcomes = sequencer.record(events).await;
            assert!(versions(&outcomes).iter().all(|(_, is_new)| !is_new));
        }
    }
    let stream = recorded(&aws.events(), "count-1").await;
    assert_eq!(stream.len(), 2 * sources.len());
    aws.system.stop().await;
}

#[tokio::test]
async fn a_claim_whose_event_was_never_recorded_does_not_swallow_it() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    let orphan = numbered("count-1", 2);
    let claim = Claim {
        identity: orphan.identity(),
        fingerprint: orphan.fingerprint(),
        stream: orphan.stream.clone(),
        from: 1,
    };
    assert_eq!(aws.events().claim(&[claim]).await, [Inserted::New]);
    sequencer
        .record(&[numbered("count-1", 1), numbered("count-1", 3)])
        .await;
    let outcomes = sequencer.record(std::slice::from_ref(&orphan)).await;
    assert_eq!(versions(&outcomes), [(3, true)]);
    let outcomes = Sequencer::new(aws.events()).record(&[orphan]).await;
    assert_eq!(versions(&outcomes), [(3, false)]);
    aws.system.stop().await;
}

#[tokio::test]
async fn a_late_number_far_behind_is_found_over_many_pages() {
    let aws = Aws::start().await;
    let sequencer = Sequencer::new(aws.events());
    // One commit each.
    for number in 1..=40 {
        sequencer.record(&[numbered("count-1", number)]).await;
        sequencer
            .record(&[event("count-1", &format!("{number}"), 0)])
            .await;
    }
    let some = [1, 2, 17, 40].map(|number| numbered("count-1", number));
    let outcomes = Sequencer::new(aws.events()).record(&some).await;
    assert_eq!(
        versions(&outcomes),
        [(1, false), (3, false), (33, false), (79, false)]
    );
    aws.system.stop().await;
}

/// Rivals record the same numbers, each in batches and in an order of its own, with
/// repeats, beside events without a number, and forget all now and then.
#[tokio::test]
async fn rivals_record_each_number_once_in_whatever_order() {
    for seed in 0..12 {
        let aws = Aws::start().await;
        let streams = ["count-1", "count-2"];
        let mut all: Vec<CloudEvent> = Vec::new();
        for stream in streams {
            all.extend((0..20).map(|n| numbered(stream, n)));
            all.extend((0..10).map(|n| from("/other", numbered(stream, n))));
            all.extend((0..10).map(|n| event(stream, &format!("{stream}/plain/{n}"), n)));
        }
        let rivals = (0..4).map(|rival| {
            let mut dice = SmallRng::seed_from_u64(seed << 8 | rival);
            let mut own = all.clone();
            // Nearly in order, or in none.
            let far = if dice.random() { own.len() } else { 4 };
            for some in own.chunks_mut(far) {
                some.shuffle(&mut dice);
            }
            let store = aws.events();
            async move {
                let mut sequencer = Sequencer::new(store.clone());
                let mut rest = own.as_slice();
                while !rest.is_empty() {
                    let (batch, later) = rest.split_at(dice.random_range(1..=7).min(rest.len()));
                    let outcomes = sequencer.record(batch).await;
                    versions(&outcomes);
                    if dice.random_bool(0.3) {
                        versions(&sequencer.record(batch).await);
                    }
                    if dice.random_bool(0.2) {
                        sequencer = Sequencer::new(store.clone());
                    }
                    rest = later;
                }
            }
        });
        join_all(rivals).await;
        let mut count = 0;
        let mut identities = BTreeSet::new();
        for stream in streams {
            let events = recorded(&aws.events(), stream).await;
            count += events.len();
            identities.extend(events.iter().map(|event| event.event.identity()));
        }
        assert_eq!(
            identities.len(),
            count,
            "an event is recorded twice, seed {seed}"
        );
        assert_eq!(count, all.len(), "an event is lost, seed {seed}");
        aws.system.stop().await;
    }
}
