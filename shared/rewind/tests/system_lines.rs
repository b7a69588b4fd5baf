//! What fails in the whole-service kit fails at the test's own line.

use rewind::{
    Envelope, Event, MultiStreamProjection, Rejection, Service, SingleStreamProjection,
    testing::{System, system},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook},
    sync::{Arc, Mutex},
};

#[derive(Serialize, Deserialize, JsonSchema)]
enum Poll {
    Voted {},
}

impl Event for Poll {
    const CATEGORY: &'static str = "poll";
}

struct Votes;

impl SingleStreamProjection for Votes {
    type Event = Poll;
    type Row = u64;
    const NAME: &'static str = "votes";

    fn apply(votes: &mut u64, _: &Envelope<Poll>) -> Result<(), Rejection> {
        *votes += 1;
        Ok(())
    }
}

struct Sums;

impl MultiStreamProjection for Sums {
    type Event = Poll;
    type Row = u64;
    const NAME: &'static str = "sums";

    fn keys(_: &Envelope<Poll>) -> Result<Vec<String>, Rejection> {
        Ok(vec!["all".into()])
    }

    fn apply(_: &str, _: &mut u64, event: &Envelope<Poll>) -> Result<(), Rejection> {
        match event.version {
            1 => Ok(()),
            _ => Err(Rejection::new("one is enough")),
        }
    }
}

/// Where something panics: the file and the line.
fn place(what: impl FnOnce(&mut System)) -> (String, u32) {
    let mut system = system(
        Service::new()
            .single_stream::<Votes>()
            .multi_stream::<Sums>(),
    );
    system
        .at("2026-01-01T09:00:00Z")
        .given("1", [Poll::Voted {}]);
    let place = Arc::new(Mutex::new(None));
    let (noted, before) = (place.clone(), take_hook());
    set_hook(Box::new(move |info| {
        let location = info.location().map(|at| (at.file().to_string(), at.line()));
        *noted.lock().unwrap() = location;
    }));
    let done = catch_unwind(AssertUnwindSafe(|| what(&mut system)));
    set_hook(before);
    assert!(done.is_err(), "nothing failed");
    place.lock().unwrap().take().unwrap()
}

macro_rules! assert_here {
    ($system:ident => $what:expr) => {{
        let line = line!();
        let failed = place(|$system| {
            $what;
        });
        assert_eq!(failed, (file!().to_string(), line));
    }};
}

#[test]
fn what_fails_fails_at_the_tests_own_line() {
    let more = || [Poll::Voted {}];
    assert_here!(system => system.then_row::<Votes>("1", 7));
    assert_here!(system => system.then_shared_row::<Sums>("all", 7));
    assert_here!(system => system.then_rows::<Sums>(&[]));
    assert_here!(system => system.then_events::<Poll>("1", []));
    assert_here!(system => system.then_stalled("sums", "poll-1", ""));
    assert_here!(system => system.then_refused(&[("poll-1", "no")]));
    assert_here!(system => system.reverse("poll-1", 7));
    assert_here!(system => system.at("2025-01-01T09:00:00Z"));
    assert_here!(system => system.input("shop", &serde_json::json!({})));
    // A stall that nobody has asked for.
    assert_here!(system => system.given("1", more()).then_row::<Votes>("1", 2));
    assert_here!(system => system.given("1", more()).rebuild());
}
