//! Readers that cannot go on, and what helps.

use rewind::{
    Action, Envelope, Event, MultiStreamProjection, NewEvent, Process, Reached, Rejection, Rule,
    Service, SingleStreamProjection, jiff::SignedDuration, testing::system,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum Turn {
    Turned { times: u64 },
}

impl Event for Turn {
    const CATEGORY: &'static str = "turn";
}

pub fn turned(times: u64) -> Turn {
    Turn::Turned { times }
}

/// Feeds itself.
struct Echo;

impl Rule for Echo {
    type Event = Turn;
    type Emits = NewEvent;
    const NAME: &'static str = "echo";

    fn react(_: &Envelope<Turn>) -> Result<Vec<NewEvent>, Rejection> {
        Ok(vec![NewEvent::new("1", &turned(1))?])
    }
}

#[test]
fn a_rule_that_feeds_itself_comes_to_an_end() {
    let mut system = system(Service::new().rule::<Echo>());
    system.given("1", [turned(0)]);
    assert_eq!(system.recorded("turn-1").len(), 17);
    let why = "the event is at the end of a causal chain of 16 adapters and rules, and nothing is emitted beyond 16: does `rule/echo` feed itself?";
    system.then_stalled("rule/echo", "turn-1", why).rebuild();
}

/// Counts turns, up to three.
pub struct Turns;

impl SingleStreamProjection for Turns {
    type Event = Turn;
    type Row = u64;
    const NAME: &'static str = "turns";

    fn apply(turns: &mut u64, event: &Envelope<Turn>) -> Result<(), Rejection> {
        let Turn::Turned { times } = event.data;
        *turns += times;
        match *turns > 3 {
            true => Err(Rejection::new("too many")),
            false => Ok(()),
        }
    }
}

/// As [`Turns`], mended.
struct AllTurns;

impl SingleStreamProjection for AllTurns {
    type Event = Turn;
    type Row = u64;
    const NAME: &'static str = "turns";

    fn apply(turns: &mut u64, event: &Envelope<Turn>) -> Result<(), Rejection> {
        let Turn::Turned { times } = event.data;
        *turns += times;
        Ok(())
    }
}

#[test]
fn a_projection_goes_on_where_its_code_is_mended() {
    let mut system = system(Service::new().single_stream::<Turns>());
    system
        .given("1", [2, 2, 1].map(turned))
        .given("2", [turned(1)]);
    system
        .then_stalled("turns", "turn-1", "too many")
        .then_row::<Turns>("1", 2)
        .then_row::<Turns>("2", 1)
        .rebuild();
    system
        .mended(Service::new().single_stream::<AllTurns>())
        .then_row::<AllTurns>("1", 5)
        .rebuild()
        // The other way round, what the row holds stays until it is folded again.
        .mended(Service::new().single_stream::<Turns>())
        .then_row::<Turns>("1", 5)
        .reverse("turn-1", 3)
        .then_stalled(
            "turns",
            "turn-1",
            "to take an event back the stream was folded again, and version 2, which the row holds, is refused: too many",
        )
        .then_row::<Turns>("1", 5);
}

#[test]
fn a_projection_passes_an_event_that_is_taken_back() {
    let mut system = system(Service::new().single_stream::<Turns>());
    system.given("1", [2, 2, 1].map(turned));
    system.then_stalled("turns", "turn-1", "too many");
    system
        .reverse("turn-1", 2)
        .then_healthy()
        .then_row::<Turns>("1", 3)
        .rebuild();
}

/// As [`Turns`], for all streams together.
struct Sum;

impl MultiStreamProjection for Sum {
    type Event = Turn;
    type Row = u64;
    const NAME: &'static str = "sum";

    fn keys(_: &Envelope<Turn>) -> Result<Vec<String>, Rejection> {
        Ok(vec!["all".into()])
    }

    fn apply(_: &str, sum: &mut u64, event: &Envelope<Turn>) -> Result<(), Rejection> {
        Turns::apply(sum, event)
    }

    fn revert(_: &str, sum: &mut u64, event: &Envelope<Turn>) -> Result<(), Rejection> {
        let Turn::Turned { times } = event.data;
        *sum -= times;
        Ok(())
    }
}

#[test]
fn shared_rows_pass_an_event_that_is_taken_back_and_stall_when_it_is_back() {
    let mut system = system(Service::new().multi_stream::<Sum>());
    system.given("1", [2, 2, 1].map(turned));
    system.then_stalled("sum", "turn-1", "too many");
    system
        .reverse("turn-1", 2)
        .then_healthy()
        .then_rows::<Sum>(&[("all", 3)])
        .rebuild()
        .reverse("turn-1", 4)
        .then_stalled("sum", "turn-1", "too many")
        .then_rows::<Sum>(&[("all", 3)])
        .rebuild();
}

/// Refuses one of its deadlines.
struct Refuses;

impl Process for Refuses {
    type Event = Turn;
    type State = u64;
    const NAME: &'static str = "refuses";

    fn key(event: &Envelope<Turn>) -> Option<String> {
        Some(event.stream().id().into())
    }

    fn on(seen: &mut u64, event: &Envelope<Turn>) -> Result<Vec<Action>, Rejection> {
        let now = event.timestamp()?;
        *seen += 1;
        let tomorrow = now + SignedDuration::from_hours(24);
        Ok(vec![
            Action::deadline("no", now),
            Action::deadline("yes", tomorrow),
        ])
    }

    fn reached(_: &mut u64, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        match deadline.name.as_str() {
            "no" => Err(Rejection::new("not today")),
            _ => Ok(vec![]),
        }
    }
}

#[test]
fn a_deadline_that_is_refused_stays_open_and_holds_up_no_other() {
    let mut system = system(Service::new().process::<Refuses>());
    system.at("2026-01-01T09:00:00Z").given("1", [turned(1)]);
    let open = [
        ("no", "2026-01-01T09:00:00Z"),
        ("yes", "2026-01-02T09:00:00Z"),
    ];
    system
        .then_stalled("timer/refuses", "process:refuses-1", "not today")
        .then_deadlines::<Refuses>("1", &open)
        .at("2026-02-01T09:00:00Z")
        .then_stalled("timer/refuses", "process:refuses-1", "not today")
        .then_deadlines::<Refuses>("1", &open[..1])
        .then_state::<Refuses>("1", 1)
        .rebuild();
}

/// Takes small turns only.
struct Small;

impl Process for Small {
    type Event = Turn;
    type State = u64;
    const NAME: &'static str = "small";

    fn key(event: &Envelope<Turn>) -> Option<String> {
        Some(event.stream().id().into())
    }

    fn on(sum: &mut u64, event: &Envelope<Turn>) -> Result<Vec<Action>, Rejection> {
        let Turn::Turned { times } = event.data;
        *sum += times;
        match times > 3 {
            true => Err(Rejection::new("too many")),
            false => Ok(vec![]),
        }
    }
}

/// As [`Small`], mended.
struct AnySize;

impl Process for AnySize {
    type Event = Turn;
    type State = u64;
    const NAME: &'static str = "small";

    fn key(event: &Envelope<Turn>) -> Option<String> {
        Small::key(event)
    }

    fn on(sum: &mut u64, event: &Envelope<Turn>) -> Result<Vec<Action>, Rejection> {
        let Turn::Turned { times } = event.data;
        *sum += times;
        Ok(vec![])
    }
}

#[test]
fn a_process_takes_what_it_refused_when_it_is_mended_and_the_event_is_back() {
    let mut system = system(Service::new().process::<Small>());
    system.given("1", [1, 5, 2].map(turned));
    system
        .then_stalled("process/small", "turn-1", "too many")
        .then_state::<Small>("1", 1)
        .reverse("turn-1", 2)
        .then_healthy()
        .then_state::<Small>("1", 3)
        .rebuild()
        .mended(Service::new().process::<AnySize>())
        .then_state::<AnySize>("1", 3)
        .reverse("turn-1", 4)
        .then_state::<AnySize>("1", 8)
        // It is told again of the first reversal, which it did not follow then.
        .rebuild();
}
