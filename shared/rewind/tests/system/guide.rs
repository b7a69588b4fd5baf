//! The test that `docs/decide.md` shows.

use crate::{
    given::{fine, join, joined},
    library::{LoanCommand, LoanEvent, LoanRejection, LoanRow, Loans, service},
};
use rewind::testing::system;

fn borrow(member: &str) -> LoanCommand {
    let member = member.into();
    LoanCommand::BorrowBook { member }
}

fn borrowed(member: &str) -> LoanEvent {
    let member = member.into();
    LoanEvent::BookBorrowed { member }
}

fn overdue(member: &str) -> LoanEvent {
    let member = member.into();
    LoanEvent::BookOverdue { member }
}

#[test]
fn a_book_that_is_not_back_costs_a_fine() {
    let to = "ann".into();
    let lent = LoanRejection::AlreadyLent { to };
    let member = Some("ann".into());
    let late = LoanRow {
        member,
        is_overdue: true,
    };
    // The guide begins here.
    let mut system = system(service());
    system.at("2026-01-01T09:00:00Z");
    system.when("ann", join("ann@x.org")).then_accepted();
    system.when("dune", borrow("ann")).then([borrowed("ann")]);
    system.when("dune", borrow("bob")).then_rejected(lent);
    system
        .at("2026-01-29T08:59:59Z")
        .then_events("dune", [borrowed("ann")])
        .at("2026-01-29T09:00:00Z")
        .then_events("dune", [borrowed("ann"), overdue("ann")])
        .then_events("ann", [joined("ann@x.org"), fine("dune")])
        .then_row::<Loans>("dune", late)
        .rebuild();
    // The guide ends here.
}

#[test]
fn the_guide_shows_that_test() {
    let between = |text: &'static str, begin: &str, end: &str| {
        let (_, rest) = text.split_once(begin).expect("where it begins");
        let (between, _) = rest.split_once(end).expect("where it ends");
        between
    };
    let guide = include_str!("../../../../docs/decide.md");
    let shown = between(guide, "```rust\n", "```");
    let own = include_str!("guide.rs");
    let run = between(
        own,
        "// The guide begins here.\n",
        "    // The guide ends here.\n",
    );
    let run = run.replace("\n    ", "\n");
    assert_eq!(shown, run.trim_start_matches(' '));
}
