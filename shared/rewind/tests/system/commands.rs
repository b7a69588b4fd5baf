//! What becomes of commands, beside others.

use crate::{
    given::{borrow, borrowed, join, joined, lent, returned},
    library::{LoanCommand, LoanRejection, Shelves, service},
    member::{Member, MemberCommand, MemberRejection},
};
use rewind::testing::{Answer, system};

#[test]
fn a_command_finds_the_version_that_it_expects_or_nothing_happens() {
    let mut system = lent();
    let back = || LoanCommand::ReturnBook {};
    let answer = system.when("dune", back()).expecting(7).answer();
    assert!(
        matches!(
            answer,
            Answer::VersionMismatch {
                expected: 7,
                actual: 1,
                ..
            }
        ),
        "{answer:?}"
    );
    system.when("dune", back()).expecting(1).then([returned()]);
}

#[test]
fn a_key_has_one_outcome() {
    let mut system = lent();
    let back = || LoanCommand::ReturnBook {};
    system.when("dune", back()).key("1").then([returned()]);
    system.when("dune", back()).key("1").then([returned()]);
    system
        .when("emma", back())
        .key("2")
        .then_rejected(LoanRejection::NotLent);
    system.when("emma", borrow()).then_accepted();
    system
        .when("emma", back())
        .key("2")
        .then_rejected(LoanRejection::NotLent);
    let answer = system.when("emma", borrow()).key("2").answer();
    assert_eq!(answer, Answer::KeyReused);
    // It is accepted, and nothing has to happen.
    let again = join("ann@example.org");
    system.when("ann", again).key("3").then([]);
    let outcome = system.recorded("rewind:command-3").iter();
    let outcome: Vec<&str> = outcome.map(|event| event.event_type()).collect();
    assert_eq!(outcome, ["command-accepted"]);
    system
        .then_events("dune", [borrowed(), returned()])
        .rebuild();
}

#[test]
fn two_streams_change_together_or_not_at_all() {
    let mut system = lent();
    let exchange = |book: &str| LoanCommand::ExchangeBook { book: book.into() };
    system.when("emma", borrow()).then_accepted();
    let answer = system.when("dune", exchange("emma")).answer();
    let expected = Answer::VersionMismatch {
        stream: "loan-emma".parse().unwrap(),
        expected: 0,
        actual: 1,
    };
    assert_eq!(answer, expected);
    system.then_events("dune", [borrowed()]);
    system.when("dune", exchange("zen")).then([returned()]);
    system
        .then_events("zen", [borrowed()])
        .then_shared_row::<Shelves>("ann", 2)
        .rebuild();
}

#[test]
fn a_value_is_one_streams_until_it_is_released() {
    let mut system = system(service());
    system.when("ann", join("a@example.org")).then_accepted();
    let taken = || MemberRejection::EmailTaken;
    system
        .when("bob", join("a@example.org"))
        .then_rejected(taken());
    system.when("ann", MemberCommand::Leave {}).then_accepted();
    system
        .when("bob", join("a@example.org"))
        .then([joined("a@example.org")]);
    system
        .when("ann", join("a@example.org"))
        .then_rejected(taken());
    let email = Some("a@example.org".into());
    system
        .then_aggregate("ann", Member::default())
        .then_aggregate("bob", Member { email })
        .rebuild();
}
