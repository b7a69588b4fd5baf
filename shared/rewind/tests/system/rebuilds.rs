//! A rebuild comes to the same, or says what is not pure.

use rewind::{
    Action, Envelope, Event, MultiStreamProjection, NewEvent, Process, Rejection, Reverted, Rule,
    Service, SingleStreamProjection, testing::system,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Poll {
    Voted { by: String },
}

impl Event for Poll {
    const CATEGORY: &'static str = "poll";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Note {
    Noted { nth: usize },
}

impl Event for Note {
    const CATEGORY: &'static str = "note";
}

fn voted(by: &str) -> Poll {
    Poll::Voted { by: by.into() }
}

/// Says who was the last one: that depends on the order across streams.
struct Last;

impl MultiStreamProjection for Last {
    type Event = Poll;
    type Row = String;
    const NAME: &'static str = "last";

    fn keys(_: &Envelope<Poll>) -> Result<Vec<String>, Rejection> {
        Ok(vec!["last".into()])
    }

    fn apply(_: &str, last: &mut String, event: &Envelope<Poll>) -> Result<(), Rejection> {
        let Poll::Voted { by } = &event.data;
        last.clone_from(by);
        Ok(())
    }
}

#[test]
#[should_panic(expected = "the rows of a rebuild differ")]
fn rows_that_depend_on_the_order_across_streams_are_seen() {
    last(["1", "2"]);
}

#[test]
#[should_panic(expected = "the rows of a rebuild differ")]
fn they_are_seen_where_the_streams_came_backwards() {
    last(["2", "1"]);
}

fn last([one, another]: [&str; 2]) {
    let mut system = system(Service::new().multi_stream::<Last>());
    system
        .given(one, [voted("ann")])
        .given(another, [voted("bob")]);
    system
        .then_rows::<Last>(&[("last", "bob".into())])
        .rebuild();
}

static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Its state is none of the events.
struct Forgets;

impl Process for Forgets {
    type Event = Poll;
    type State = usize;
    const NAME: &'static str = "forgets";

    fn key(event: &Envelope<Poll>) -> Option<String> {
        Some(event.stream().id().into())
    }

    fn on(taken: &mut usize, _: &Envelope<Poll>) -> Result<Vec<Action>, Rejection> {
        *taken = TAKEN.fetch_add(1, Ordering::Relaxed);
        Ok(vec![])
    }
}

#[test]
#[should_panic(expected = "the states and deadlines of a rebuild differ")]
fn a_process_that_is_not_pure_is_seen() {
    let mut system = system(Service::new().process::<Forgets>());
    system.given("1", [voted("ann")]).rebuild();
}

static COUNTED: AtomicUsize = AtomicUsize::new(0);

/// Remembers what it should not.
struct Counts;

impl Rule for Counts {
    type Event = Poll;
    type Emits = NewEvent;
    const NAME: &'static str = "counts";

    fn react(_: &Envelope<Poll>) -> Result<Vec<NewEvent>, Rejection> {
        let nth = COUNTED.fetch_add(1, Ordering::Relaxed);
        Ok(vec![NewEvent::new("1", &Note::Noted { nth })?])
    }
}

#[test]
#[should_panic(expected = "another event has this id")]
fn a_rule_that_says_something_else_the_second_time_is_seen() {
    let mut system = system(Service::new().rule::<Counts>().events::<Note>());
    system.given("1", [voted("ann")]).then_healthy();
    system.rebuild();
}

static SEEN: AtomicUsize = AtomicUsize::new(0);

/// Says more the second time.
struct Grows;

impl Rule for Grows {
    type Event = Poll;
    type Emits = NewEvent;
    const NAME: &'static str = "grows";

    fn react(_: &Envelope<Poll>) -> Result<Vec<NewEvent>, Rejection> {
        let count = SEEN.fetch_add(1, Ordering::Relaxed);
        let notes = (0..=count).map(|nth| NewEvent::new("1", &Note::Noted { nth }));
        notes.collect()
    }
}

#[test]
#[should_panic(expected = "a rebuild gives what was not given before")]
fn a_rule_that_says_more_the_second_time_is_seen() {
    let mut system = system(Service::new().rule::<Grows>().events::<Note>());
    system.given("1", [voted("ann")]).then_healthy();
    system.rebuild();
}

/// Forgets what it takes back.
struct Votes;

impl SingleStreamProjection for Votes {
    type Event = Poll;
    type Row = u64;
    const NAME: &'static str = "votes";

    fn apply(votes: &mut u64, _: &Envelope<Poll>) -> Result<(), Rejection> {
        *votes += 1;
        Ok(())
    }

    fn revert(_: &mut u64, _: &Envelope<Poll>) -> Result<Reverted, Rejection> {
        Ok(Reverted::Done)
    }
}

#[test]
#[should_panic(expected = "the rows of a rebuild differ")]
fn a_row_that_does_not_take_an_event_back_is_seen() {
    let mut system = system(Service::new().single_stream::<Votes>());
    system.given("1", [voted("ann"), voted("bob")]);
    // The row says so, live.
    system.reverse("poll-1", 1).then_row::<Votes>("1", 2);
    system.rebuild();
}
