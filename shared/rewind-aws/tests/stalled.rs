//! A reader that was stalled takes all of its stream once it goes on, also what
//! was delivered while it stood: no delivery brings that again.

mod support;

use rewind::{
    Envelope, MultiStreamProjection, NewEvent, RecordedEvent, Rejection, Rule, Service,
    SingleStreamProjection, Target,
};
use rewind_aws::{
    data_table::key::Key, project::projector::Projector, react::reactor::Reactor,
    sequence::sequencer::Sequencer,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use support::{Aws, CountEvent, delivery, event, recorded};

static IS_MENDED: AtomicBool = AtomicBool::new(false);

fn refuse_the_first(event: &Envelope<CountEvent>) -> Result<(), Rejection> {
    match event.data.number().n == 1 && !IS_MENDED.load(Ordering::SeqCst) {
        true => Err(Rejection::new("not mended yet")),
        false => Ok(()),
    }
}

fn target(projection: &str) -> Target {
    let projection = projection.to_string();
    Target {
        projection,
        generation: 1,
    }
}

struct One;
impl SingleStreamProjection for One {
    type Event = CountEvent;
    type Row = u64;
    const NAME: &'static str = "one";
    fn apply(count: &mut u64, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        *count += 1;
        refuse_the_first(event)
    }
}

struct Many;
impl MultiStreamProjection for Many {
    type Event = CountEvent;
    type Row = u64;
    const NAME: &'static str = "many";
    fn keys(_: &Envelope<CountEvent>) -> Result<Vec<String>, Rejection> {
        Ok(vec!["all".into()])
    }
    fn apply(_: &str, count: &mut u64, event: &Envelope<CountEvent>) -> Result<(), Rejection> {
        *count += 1;
        refuse_the_first(event)
    }
    fn revert(_: &str, count: &mut u64, _: &Envelope<CountEvent>) -> Result<(), Rejection> {
        *count -= 1;
        Ok(())
    }
}

struct Ruled;
impl Rule for Ruled {
    type Event = CountEvent;
    type Emits = NewEvent;
    const NAME: &'static str = "ruled";
    fn react(event: &Envelope<CountEvent>) -> Result<Vec<NewEvent>, Rejection> {
        refuse_the_first(event).map(|()| Vec::new())
    }
}

#[tokio::test]
async fn what_was_delivered_to_a_stalled_reader_is_taken_when_it_goes_on() {
    let aws = Aws::start().await;
    let events: Vec<_> = (1..=4)
        .map(|n| event("count-1", &n.to_string(), n))
        .collect();
    Sequencer::new(aws.events()).record(&events).await;
    let events = recorded(&aws.events(), "count-1").await;
    let service = || {
        Service::new()
            .single_stream::<One>()
            .multi_stream::<Many>()
            .rule::<Ruled>()
    };
    let projector = Projector::new(service(), aws.events(), aws.data());
    let incoming = aws.stream("IncomingStream");
    let reactor = Reactor::new(Arc::new(aws.commands(service())), incoming);
    let deliver = async |event: &RecordedEvent| {
        let batch = [delivery(std::slice::from_ref(event))];
        let projected = projector.project(&batch).await.unwrap();
        assert!(projected.failed.is_empty(), "the shard goes on");
        let reacted = reactor.react(&batch).await.unwrap();
        assert!(reacted.failed.is_empty(), "the shard goes on");
    };
    let keys = [
        Key::row(&target("one"), "1"),
        Key::checkpoint("many@1", "count-1"),
        Key::checkpoint("rule/ruled", "count-1"),
    ];
    for event in &events {
        deliver(event).await;
    }
    let rows = aws.data().rows(&keys).await.unwrap();
    for key in &keys {
        assert!(rows[key].stalled.is_some(), "{key:?}");
    }
    IS_MENDED.store(true, Ordering::SeqCst);
    // Nothing new: a repeat of the event that they were stalled at.
    deliver(&events[0]).await;
    let rows = aws.data().rows(&keys).await.unwrap();
    for key in &keys {
        let row = &rows[key];
        assert_eq!((row.watermark, &row.stalled), (4, &None), "{key:?}");
    }
    let all = Key::row(&target("many"), "all");
    let all = aws.data().get(&all).await.unwrap().unwrap();
    assert_eq!(all.state, Some(serde_json::json!(4)));
    aws.system.stop().await;
}
