//! What the stories are made of.

use crate::{
    library::{LetterEvent, LoanCommand, LoanEvent, service},
    member::{MemberCommand, MemberEvent},
};
use rewind::testing::{System, system};

pub fn member() -> String {
    "ann".into()
}

pub fn borrow() -> LoanCommand {
    LoanCommand::BorrowBook { member: member() }
}

pub fn borrowed() -> LoanEvent {
    LoanEvent::BookBorrowed { member: member() }
}

pub fn overdue() -> LoanEvent {
    LoanEvent::BookOverdue { member: member() }
}

pub fn returned() -> LoanEvent {
    LoanEvent::BookReturned { member: member() }
}

pub fn join(email: &str) -> MemberCommand {
    let email = email.into();
    MemberCommand::Join { email }
}

pub fn joined(email: &str) -> MemberEvent {
    let email = email.into();
    MemberEvent::MemberJoined { email }
}

pub fn fine(book: &str) -> MemberEvent {
    let book = book.into();
    MemberEvent::FineCharged { book }
}

pub fn reminded(book: &str) -> LetterEvent {
    let book = book.into();
    LetterEvent::Reminded { book }
}

/// Ann has borrowed Dune.
pub fn lent() -> System {
    let mut system = system(service());
    system.at("2026-01-01T09:00:00Z");
    system.when("ann", join("ann@example.org")).then_accepted();
    system.when("dune", borrow()).then([borrowed()]);
    system
}
