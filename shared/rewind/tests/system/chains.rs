//! Processes that go on: with the clock, or for ever.

use rewind::{
    Action, Envelope, Event, Process, Reached, Rejection, Service,
    jiff::SignedDuration,
    testing::{System, system},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A clock that strikes, `nanos` after the last time.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Clock {
    Wound { nanos: i64 },
}

impl Event for Clock {
    const CATEGORY: &'static str = "clock";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Bell {
    Struck { by: String },
}

impl Event for Bell {
    const CATEGORY: &'static str = "bell";
}

struct Strikes;

impl Process for Strikes {
    type Event = Clock;
    type State = i64;
    const NAME: &'static str = "strikes";

    fn key(event: &Envelope<Clock>) -> Option<String> {
        Some(event.stream().id().into())
    }

    fn on(every: &mut i64, event: &Envelope<Clock>) -> Result<Vec<Action>, Rejection> {
        let Clock::Wound { nanos } = event.data;
        *every = nanos;
        let next = event.timestamp()? + SignedDuration::from_nanos(nanos);
        Ok(vec![Action::deadline("next", next)])
    }

    fn reached(every: &mut i64, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let by = deadline.key.clone();
        let next = deadline.at + SignedDuration::from_nanos(*every);
        Ok(vec![
            Action::emit("all", &Bell::Struck { by })?,
            Action::deadline("next", next),
        ])
    }
}

const DAY: i64 = 24 * 60 * 60 * 1_000_000_000;

fn struck(by: &str) -> Bell {
    Bell::Struck { by: by.into() }
}

fn wound(clocks: &[(&str, i64)]) -> System {
    let mut system = system(Service::new().process::<Strikes>().events::<Bell>());
    system.at("2026-01-01T00:00:00Z");
    for (id, nanos) in clocks {
        system.given(id, [Clock::Wound { nanos: *nanos }]);
    }
    system
}

#[test]
fn what_a_deadline_sets_fires_between_the_deadlines_of_others() {
    wound(&[("slow", 3 * DAY), ("quick", 2 * DAY)])
        .at("2026-01-06T00:00:00Z")
        .then_events("all", ["quick", "slow", "quick"].map(struck))
        .after(SignedDuration::from_hours(24))
        .then_events(
            "all",
            ["quick", "slow", "quick", "quick", "slow"].map(struck),
        )
        .then_deadlines::<Strikes>("slow", &[("next", "2026-01-10T00:00:00Z")])
        .rebuild();
}

#[test]
fn a_deadline_that_is_due_at_once_each_time_comes_to_an_end() {
    let mut system = wound(&[("mad", 0)]);
    let why = "action 1 of 2: the event is at the end of a causal chain of 16 adapters, rules and processes, and nothing is given beyond 16: does `process/strikes` feed itself?";
    system
        .then_stalled("timer/strikes", "process:strikes-mad", why)
        .rebuild();
}

#[test]
fn a_year_of_days_is_soon_over() {
    let mut system = wound(&[("daily", DAY)]);
    system.at("2027-01-01T00:00:00Z").rebuild();
    assert_eq!(system.recorded("bell-all").len(), 365);
}

#[test]
#[should_panic(expected = "there is no end of them")]
fn deadlines_without_an_end_fail() {
    wound(&[("mad", 1)]).after(SignedDuration::from_secs(1));
}
