//! What a whole service does.

use crate::{
    given::{borrow, borrowed, fine, joined, lent, member, overdue, reminded, returned},
    library::{
        LetterEvent, LoanCommand, LoanEvent, LoanRejection, LoanRow, Loans, Overdue, Shelves,
        service,
    },
};
use rewind::{Action, jiff::SignedDuration, testing::system};
use serde_json::json;

#[test]
fn a_book_that_is_not_back_after_four_weeks_costs_a_fine() {
    let mut system = lent();
    system
        .then_deadlines::<Overdue>(
            "dune",
            &[
                ("remind", "2026-01-22T09:00:00Z"),
                ("return", "2026-01-29T09:00:00Z"),
            ],
        )
        .at("2026-01-29T08:59:59.999999999Z")
        .then_events("dune", [borrowed()])
        .then_events("all", [reminded("dune")])
        .after(SignedDuration::from_nanos(1))
        .then_events("dune", [borrowed(), overdue()])
        .then_events("ann", [joined("ann@example.org"), fine("dune")])
        .then_row::<Loans>(
            "dune",
            LoanRow {
                member: Some(member()),
                is_overdue: true,
            },
        )
        .then_rows::<Shelves>(&[("ann", 1)])
        .then_deadlines::<Overdue>("dune", &[])
        .rebuild();
    // Each event has the time of what it follows from: the deadline's.
    let times = system.recorded("member-ann").iter();
    let times: Vec<&str> = times.map(|event| event.event.time.as_str()).collect();
    assert_eq!(times, ["2026-01-01T09:00:00Z", "2026-01-29T09:00:00Z"]);
}

#[test]
fn a_book_that_is_back_in_time_costs_nothing() {
    let mut system = lent();
    system.at("2026-01-20T09:00:00Z");
    system
        .when("dune", LoanCommand::ReturnBook {})
        .then([returned()]);
    let at = |at: &str| at.parse().unwrap();
    system
        .at("2036-01-01T00:00:00Z")
        .then_events("dune", [borrowed(), returned()])
        .then_events::<LetterEvent>("all", [])
        .then_row::<Loans>("dune", LoanRow::default())
        .then_shared_row::<Shelves>("ann", 0)
        .then_actions::<Overdue>(
            "dune",
            [
                Action::deadline("return", at("2026-01-29T09:00:00Z")),
                Action::deadline("remind", at("2026-01-22T09:00:00Z")),
                Action::cancel("return"),
                Action::cancel("remind"),
            ],
        )
        .then_state::<Overdue>("dune", ())
        .rebuild();
}

#[test]
fn deadlines_of_all_instances_fire_in_the_order_of_due_times_each_at_its_own() {
    let mut system = system(service());
    // Named against the order of time.
    for (time, book) in [
        ("2026-01-01T09:00:00Z", "zen"),
        ("2026-01-03T09:00:00Z", "emma"),
        ("2026-01-05T09:00:00Z", "dune"),
    ] {
        system.at(time).given(book, [borrowed()]);
    }
    system.at("2026-01-30T00:00:00Z");
    system.then_events("all", ["zen", "emma", "dune"].map(reminded));
    let letters = system.recorded("letter-all").iter();
    let times: Vec<&str> = letters.map(|event| event.event.time.as_str()).collect();
    let expected = ["22", "24", "26"].map(|day| format!("2026-01-{day}T09:00:00Z"));
    assert_eq!(times, expected);
    // Nobody has joined, so nobody pays. Two weren't due yet.
    system
        .then_refused(&[("member-ann", "no-member")])
        .rebuild();
}

#[test]
fn an_input_becomes_a_command_which_may_be_refused() {
    let mut system = lent();
    let input = |book: &str| json!({"book": book, "member": "bob"});
    system
        .input("desk", &input("dune"))
        .input("desk", &input("emma"));
    let member = "bob".into();
    system
        .then_refused(&[("loan-dune", "already-lent")])
        .then_events("emma", [LoanEvent::BookBorrowed { member }])
        .rebuild();
    // Not while Bob has it.
    let exchange = json!({"book": "emma", "member": "ann", "back": "dune"});
    system
        .input("desk", &exchange)
        .then_refused(&[
            ("loan-dune", "already-lent"),
            ("loan-dune", "version-mismatch"),
        ])
        .then_events("dune", [borrowed()])
        .rebuild();
}

#[test]
fn a_reversed_event_is_as_if_it_had_not_happened_and_comes_back() {
    let mut system = lent();
    system
        .reverse("loan-dune", 1)
        .then_events::<LoanEvent>("dune", [])
        .then_row::<Loans>("dune", LoanRow::default())
        .then_rows::<Shelves>(&[("ann", 0)])
        .then_deadlines::<Overdue>("dune", &[])
        .rebuild();
    let back = LoanCommand::ReturnBook {};
    system
        .when("dune", back)
        .then_rejected(LoanRejection::NotLent);
    system
        .reverse("loan-dune", 2)
        .then_rows::<Shelves>(&[("ann", 1)])
        .at("2026-01-29T09:00:00Z")
        .then_events("dune", [borrowed(), overdue()])
        .rebuild();
    let lent_to = LoanRejection::AlreadyLent { to: member() };
    system.when("dune", borrow()).then_rejected(lent_to);
}

#[test]
fn facts_come_through_the_door_or_as_history() {
    let mut system = system(service());
    system.given("dune", [borrowed()]);
    system
        .when("dune", LoanCommand::ReturnBook {})
        .then([returned()]);
    let letter = json!({
        "source": "/post", "type": "reminded", "subject": "letter-all", "data": {"book": "dune"},
    });
    system.post(&letter).unwrap();
    system.then_events("all", [reminded("dune")]);
    for (member, value, field) in [
        ("subject", "loan-dune", "subject"),
        ("subject", "input:desk-all", "subject"),
        ("source", "/rewind/reversal", "source"),
        ("type", "forgotten", "type"),
    ] {
        let mut refused = letter.clone();
        refused[member] = value.into();
        let problem = system.post(&refused).unwrap_err();
        assert_eq!(problem.field.as_deref(), Some(field));
    }
}
