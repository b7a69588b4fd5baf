//! Readers that cannot go on, and tests that are wrong.

use crate::library::{
    LetterEvent, LoanCommand, LoanEvent, LoanRejection, LoanRow, Loans, Shelves, service,
};
use rewind::{
    Action, Envelope, Event, MultiStreamProjection, NewEvent, Process, Reached, Rejection, Rule,
    Service, SingleStreamProjection,
    testing::{System, system},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

const DESK: &str = "adapter/desk";

/// Somebody has forgotten to say who takes the book.
fn stalled() -> System {
    let mut system = system(service());
    system.input("desk", &json!({"book": "dune"}));
    system
}

#[test]
fn an_adapter_stalls_for_its_stream_alone() {
    let mut system = stalled();
    let why = "input: missing field `member`";
    system.then_stalled(DESK, "input:desk-all", why);
    // It does not go on; all others do.
    system.input("desk", &json!({"book": "emma", "member": "ann"}));
    let member = || "ann".into();
    let borrow = LoanCommand::BorrowBook { member: member() };
    system.when("zen", borrow).then_accepted();
    system.then_rows::<Shelves>(&[("ann", 1)]).rebuild();
    // The input is taken back, and then it holds nobody up.
    let borrowed = LoanEvent::BookBorrowed { member: member() };
    system
        .reverse("input:desk-all", 1)
        .then_events("emma", [borrowed])
        .rebuild();
}

#[test]
#[should_panic(expected = "adapter/desk at input:desk-all@1: input: missing field `member`")]
fn a_stall_that_nobody_has_asked_for_fails_the_next_then() {
    stalled().then_row::<Loans>("dune", LoanRow::default());
}

#[test]
#[should_panic(expected = "rule/fines is not stalled in loan-1")]
fn a_stall_that_is_none_is_not_found() {
    stalled().then_stalled("rule/fines", "loan-1", "");
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
enum Turn {
    Turned { times: u64 },
}

impl Event for Turn {
    const CATEGORY: &'static str = "turn";
}

fn turned(times: u64) -> Turn {
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
struct Turns;

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
        .rebuild();
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

/// Refuses its deadline.
struct Refuses;

impl Process for Refuses {
    type Event = Turn;
    type State = u64;
    const NAME: &'static str = "refuses";

    fn key(event: &Envelope<Turn>) -> Option<String> {
        Some(event.stream().id().into())
    }

    fn on(seen: &mut u64, event: &Envelope<Turn>) -> Result<Vec<Action>, Rejection> {
        *seen += 1;
        Ok(vec![Action::deadline("end", event.timestamp()?)])
    }

    fn reached(_: &mut u64, _: &Reached) -> Result<Vec<Action>, Rejection> {
        Err(Rejection::new("not today"))
    }
}

#[test]
fn a_deadline_that_is_refused_stays_open() {
    let mut system = system(Service::new().process::<Refuses>());
    system.at("2026-01-01T09:00:00Z").given("1", [turned(1)]);
    system
        .then_stalled("timer/refuses", "process:refuses-1", "not today")
        .at("2026-02-01T09:00:00Z")
        .then_deadlines::<Refuses>("1", &[("end", "2026-01-01T09:00:00Z")])
        .then_state::<Refuses>("1", 1)
        .rebuild();
}

#[test]
#[should_panic(expected = "the clock does not go back")]
fn the_clock_does_not_go_back() {
    let mut system = system(service());
    let book = "dune".into();
    let reminded = LetterEvent::Reminded { book };
    system.at("2026-01-01T09:00:00Z").given("all", [reminded]);
    system.at("2025-01-01T09:00:00Z");
}

#[test]
#[should_panic(expected = "not accepted: it is rejected, `not-lent` {}: nobody has borrowed")]
fn a_command_that_is_refused_is_not_accepted() {
    let mut system = system(service());
    system.when("dune", LoanCommand::ReturnBook {}).then([]);
}

#[test]
#[should_panic(expected = "not rejected: it is accepted with [(\"book-borrowed\"")]
fn a_command_that_is_accepted_is_not_rejected() {
    let mut system = system(service());
    let member = "ann".into();
    let borrow = LoanCommand::BorrowBook { member };
    let why = LoanRejection::NotLent;
    system.when("dune", borrow).then_rejected(why);
}

#[test]
#[should_panic(expected = "no projection is named \"turns\": register it")]
fn a_projection_that_is_not_registered_has_no_rows() {
    system(service()).then_row::<Turns>("1", 0);
}

#[test]
#[should_panic(expected = "no adapter takes inputs of \"door\"; there are [\"desk\"]")]
fn a_source_without_an_adapter_has_no_inputs() {
    system(service()).input("door", &json!({}));
}

#[test]
#[should_panic(expected = "turn-1@1 is reversed already, by version 2")]
fn what_is_reversed_is_not_reversed_again() {
    let mut system = system(Service::new().single_stream::<Turns>());
    system.given("1", [turned(1)]);
    system.reverse("turn-1", 1).reverse("turn-1", 1);
}

#[test]
#[should_panic(expected = "turned is not taken")]
fn an_event_that_does_not_fit_is_no_fact() {
    // Another enum has the category.
    #[derive(Debug, Serialize, Deserialize, JsonSchema)]
    enum Other {
        Turned { by: String },
    }
    impl Event for Other {
        const CATEGORY: &'static str = "turn";
    }
    let by = "ann".into();
    system(Service::new().events::<Turn>()).given("1", [Other::Turned { by }]);
}
