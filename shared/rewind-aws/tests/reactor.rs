//! Reactions: each consequence emitted once, and none of a replay.

mod support;

use rewind::{
    Batch, Delivery, Envelope, NewEvent, Receiver, RecordedEvent, Rejection, Replay, Rule, Service,
    StreamName, Target, delivery::Nothing, kpl::user_records,
};
use rewind_aws::{data_table::key::Key, react::reactor::Reactor};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use support::{Aws, CountEvent, event, post::Post};

/// Notes every number.
struct Notes;
impl Rule for Notes {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "notes";
    fn react(event: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        let note = StreamName::new("note-1")?;
        let data = json!({"n": event.data.number().n});
        Ok(vec![NewEvent::untyped(note, "noted", data)])
    }
}

#[tokio::test]
async fn a_replay_draws_nothing_and_leaves_no_trace() {
    let aws = Aws::start().await;
    let service = Service::new().rule::<Notes>();
    let incoming = aws.stream("IncomingStream");
    let reactor = Reactor::new(Arc::new(aws.commands(service)), incoming);
    let events = vec![RecordedEvent {
        event: event("count-1", "a", 1),
        version: 1,
        position: 1,
    }];
    let checkpoint = Key::checkpoint("rule/notes", "count-1");
    let replayed = Delivery {
        replay: Some(Replay::new(
            "r",
            [Receiver::Projection(Target {
                projection: "sums".into(),
                generation: 2,
            })],
        )),
        events: events.clone(),
    };
    let reacted = reactor.react(&[(0, replayed)]).await.unwrap();
    assert_eq!((reacted.emitted, reacted.failed.len()), (0, 0));
    assert_eq!(aws.data().get(&checkpoint).await.unwrap(), None);

    let live = Delivery {
        replay: None,
        events: events.clone(),
    };
    for emitted in [1, 0] {
        let reacted = reactor.react(&[(0, live.clone())]).await.unwrap();
        assert_eq!(reacted.emitted, emitted, "once live, and not again");
    }
    assert_eq!(
        aws.data()
            .get(&checkpoint)
            .await
            .unwrap()
            .unwrap()
            .watermark,
        1
    );

    // One that is meant for reactions emits what was not emitted yet.
    let mut old = events.clone();
    old[0].event.stream = StreamName::new("count-2").unwrap();
    old.extend(events);
    let microservice = Receiver::Microservice {
        microservice: Nothing {},
    };
    let replayed = old.into_iter().enumerate().map(|(place, event)| {
        let delivery = Delivery {
            replay: Some(Replay::new("r", [microservice.clone()])),
            events: vec![event],
        };
        (place, delivery)
    });
    let replayed: Vec<(usize, Delivery)> = replayed.collect();
    for emitted in [1, 0] {
        let reacted = reactor.react(&replayed).await.unwrap();
        assert_eq!(reacted.emitted, emitted, "once");
    }
    aws.system.stop().await;
}

#[test]
fn what_is_drawn_has_an_identity_that_depends_on_its_cause_alone() {
    let service = Service::new().rule::<Notes>();
    let cause = RecordedEvent {
        event: event("count-1", "a", 1),
        version: 7,
        position: 99,
    };
    let again = RecordedEvent {
        position: 1,
        ..cause.clone()
    };
    let emit = |cause: &RecordedEvent| service.reactions()[0].react(cause).unwrap();
    assert_eq!(emit(&cause), emit(&again));
    assert_eq!(emit(&cause)[0].id, "count-1@7/0");
    assert_eq!(emit(&cause)[0].extension("causationid"), Some("count-1@7"));
    assert_eq!(emit(&cause)[0].data.get(), json!({"n": 1}).to_string());
}

#[tokio::test]
async fn a_process_that_dies_has_done_a_part_of_its_batch() {
    const STREAMS: usize = 800;
    let mut post = Post::of(Service::new().rule::<Notes>()).await;
    let deliveries = (0..STREAMS).map(|nth| {
        let recorded = RecordedEvent {
            event: event(&format!("count-{nth:03}"), &nth.to_string(), 1),
            version: 1,
            position: 1,
        };
        support::delivery(&[recorded])
    });
    let deliveries: Vec<(usize, Delivery)> = deliveries.collect();
    let (reactor, store) = (post.reactor(), post.aws.data());
    let checkpoint = Key::checkpoint("rule/notes", "count-000");
    let settles = async {
        while store.get(&checkpoint).await.unwrap().is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = settles => {}
        reacted = reactor.react(&deliveries) => panic!("settled at the end: {reacted:?}"),
    }
    let sent = post.records("IncomingStream").await;
    let sent = sent.iter().flat_map(|record| user_records(record));
    let sent = sent.map(|batch| Batch::decode(&batch).unwrap().events.len());
    let sent: usize = sent.sum();
    assert!((1..STREAMS).contains(&sent), "{sent} were sent");
    let left = post.reactor().react(&deliveries).await.unwrap().emitted;
    assert!(
        (STREAMS - sent..STREAMS).contains(&left),
        "{left} were left"
    );
    post.aws.system.stop().await;
}
