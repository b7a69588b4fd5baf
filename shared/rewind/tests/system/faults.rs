//! A stall that is a surprise, and tests that are wrong.

use crate::{
    library::{
        LetterEvent, LoanCommand, LoanEvent, LoanRejection, LoanRow, Loans, Shelves, service,
    },
    stalls::{Turn, Turns, turned},
};
use rewind::{
    Event, Service,
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
#[should_panic(expected = "readers are stalled")]
fn it_fails_the_then_of_a_command_as_well() {
    let member = "ann".into();
    let borrow = LoanCommand::BorrowBook { member };
    stalled().when("dune", borrow).then_accepted();
}

#[test]
#[should_panic(expected = "rule/fines is not stalled in loan-1")]
fn a_stall_that_is_none_is_not_found() {
    stalled().then_stalled("rule/fines", "loan-1", "");
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
