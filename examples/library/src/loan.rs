//! The loan of a book, in the stream `loan-<book>`.

use rewind::{
    Action, Aggregate, Command, Decision, Envelope, Event, Process, Reached, Rejection,
    SingleStreamProjection, Timestamp, jiff::SignedDuration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Events.

/// What happens to a book.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LoanEvent {
    BookBorrowed { member: String },
    BookOverdue { member: String },
    BookReturned { member: String },
    BookLost { member: String },
}

impl Event for LoanEvent {
    const CATEGORY: &'static str = "loan";
}

// Rows.

/// Who has a book.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct LoanRow {
    pub member: Option<String>,
    pub is_overdue: bool,
    pub is_lost: bool,
}

/// Each book.
#[derive(Debug)]
pub struct Loans;

impl SingleStreamProjection for Loans {
    type Event = LoanEvent;
    type Row = LoanRow;
    const NAME: &'static str = "loans";

    fn apply(row: &mut LoanRow, event: &Envelope<LoanEvent>) -> Result<(), Rejection> {
        match &event.data {
            LoanEvent::BookBorrowed { member } => row.member = Some(member.clone()),
            LoanEvent::BookOverdue { .. } => row.is_overdue = true,
            LoanEvent::BookReturned { .. } => *row = LoanRow::default(),
            LoanEvent::BookLost { .. } => row.is_lost = true,
        }
        Ok(())
    }
}

// Commands.

/// What may be asked of a loan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LoanCommand {
    BorrowBook { member: String },
    MarkOverdue,
    ReturnBook,
    ReportLost,
}

impl Command for LoanCommand {
    type Aggregate = Loan;
}

// Rejections.

/// Why a loan refuses a command.
#[derive(Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum LoanRejection {
    #[error("the book is lent to {to}")]
    AlreadyLent { to: String },
    #[error("nobody has borrowed the book")]
    NotLent,
    #[error("the book is overdue already")]
    AlreadyOverdue,
    #[error("the book is lost")]
    Lost,
}

// State.

/// Where a book is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Loan {
    #[default]
    OnTheShelf,
    Lent {
        member: String,
        is_overdue: bool,
    },
    Lost,
}

// Aggregate.

impl Aggregate for Loan {
    type Command = LoanCommand;
    type Event = LoanEvent;
    type Rejection = LoanRejection;

    fn decide(&self, command: LoanCommand, _: Timestamp) -> Result<Decision<Self>, LoanRejection> {
        let event = match (self, command) {
            (Self::Lost, _) => return Err(LoanRejection::Lost),
            (Self::OnTheShelf, LoanCommand::BorrowBook { member }) => {
                LoanEvent::BookBorrowed { member }
            }
            (
                Self::OnTheShelf,
                LoanCommand::MarkOverdue | LoanCommand::ReturnBook | LoanCommand::ReportLost,
            ) => return Err(LoanRejection::NotLent),
            (Self::Lent { member: to, .. }, LoanCommand::BorrowBook { .. }) => {
                return Err(LoanRejection::AlreadyLent { to: to.clone() });
            }
            (
                Self::Lent {
                    is_overdue: true, ..
                },
                LoanCommand::MarkOverdue,
            ) => return Err(LoanRejection::AlreadyOverdue),
            (Self::Lent { member, .. }, LoanCommand::MarkOverdue) => LoanEvent::BookOverdue {
                member: member.clone(),
            },
            (Self::Lent { member, .. }, LoanCommand::ReturnBook) => LoanEvent::BookReturned {
                member: member.clone(),
            },
            (Self::Lent { member, .. }, LoanCommand::ReportLost) => LoanEvent::BookLost {
                member: member.clone(),
            },
        };
        Ok([event].into())
    }

    fn evolve(&mut self, event: &Envelope<LoanEvent>) {
        let is_overdue = matches!(event.data, LoanEvent::BookOverdue { .. });
        *self = match &event.data {
            LoanEvent::BookBorrowed { member } | LoanEvent::BookOverdue { member } => Self::Lent {
                member: member.clone(),
                is_overdue,
            },
            LoanEvent::BookReturned { .. } => Self::OnTheShelf,
            LoanEvent::BookLost { .. } => Self::Lost,
        };
    }
}

// Process.

/// How long a member may keep a book.
pub const LOAN: SignedDuration = SignedDuration::from_hours(28 * 24);

/// Waits until a book has to be back, and says that it is overdue.
#[derive(Debug)]
pub struct Overdue;

impl Process for Overdue {
    type Event = LoanEvent;
    type State = ();
    const NAME: &'static str = "overdue";

    fn key(event: &Envelope<LoanEvent>) -> Option<String> {
        Some(event.stream().original_id()?.into())
    }

    fn on(_: &mut (), event: &Envelope<LoanEvent>) -> Result<Vec<Action>, Rejection> {
        Ok(match &event.data {
            LoanEvent::BookBorrowed { .. } => {
                vec![Action::deadline("return", event.timestamp()? + LOAN)]
            }
            LoanEvent::BookReturned { .. } | LoanEvent::BookLost { .. } => {
                vec![Action::cancel("return")]
            }
            LoanEvent::BookOverdue { .. } => vec![],
        })
    }

    fn reached(_: &mut (), deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        Ok(vec![Action::command(
            &deadline.key,
            &LoanCommand::MarkOverdue,
        )?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::{Given, given};

    fn borrowed() -> LoanEvent {
        let member = "ann".into();
        LoanEvent::BookBorrowed { member }
    }

    fn overdue() -> LoanEvent {
        let member = "ann".into();
        LoanEvent::BookOverdue { member }
    }

    fn returned() -> LoanEvent {
        let member = "ann".into();
        LoanEvent::BookReturned { member }
    }

    fn lost() -> LoanEvent {
        let member = "ann".into();
        LoanEvent::BookLost { member }
    }

    fn borrow() -> LoanCommand {
        let member = "ann".into();
        LoanCommand::BorrowBook { member }
    }

    fn lent() -> Given<LoanEvent> {
        given([borrowed()]).at("2026-01-01T09:00:00Z")
    }

    #[test]
    fn a_book_on_the_shelf_is_borrowed_and_nothing_else() {
        given([]).when(borrow()).then([borrowed()]);
        for command in [
            LoanCommand::ReturnBook,
            LoanCommand::MarkOverdue,
            LoanCommand::ReportLost,
        ] {
            let back = given([borrowed(), returned()]);
            for shelf in [given([]), back] {
                let asked = shelf.when(command.clone());
                asked.then_rejected(LoanRejection::NotLent);
            }
        }
    }

    #[test]
    fn a_book_is_lent_to_one_member() {
        let to = "ann".to_string();
        let asked = lent().when(borrow());
        asked.then_rejected(LoanRejection::AlreadyLent { to });
    }

    #[test]
    fn a_lent_book_comes_back_is_overdue_or_is_lost() {
        lent().when(LoanCommand::ReturnBook).then([returned()]);
        lent().when(LoanCommand::MarkOverdue).then([overdue()]);
        lent().when(LoanCommand::ReportLost).then([lost()]);
        let late = lent().and("1", [overdue()]);
        late.when(LoanCommand::ReturnBook).then([returned()]);
        late.when(LoanCommand::MarkOverdue)
            .then_rejected(LoanRejection::AlreadyOverdue);
    }

    #[test]
    fn a_lost_book_is_not_lent_again() {
        let gone = lent().and("1", [lost()]);
        gone.when(borrow()).then_rejected(LoanRejection::Lost);
        gone.when(LoanCommand::ReturnBook)
            .then_rejected(LoanRejection::Lost);
    }

    #[test]
    fn the_row_tells_who_has_the_book() {
        let row = |is_overdue, is_lost| LoanRow {
            member: Some("ann".into()),
            is_overdue,
            is_lost,
        };
        lent().then_row::<Loans>(row(false, false));
        let late = lent().and("1", [overdue()]);
        late.then_row::<Loans>(row(true, false));
        let gone = late.clone().and("1", [lost()]);
        gone.then_row::<Loans>(row(true, true));
        let back = late.and("1", [returned()]);
        back.then_row::<Loans>(LoanRow::default());
        back.reversed("loan-1", 3)
            .then_row::<Loans>(row(true, false));
    }

    #[test]
    fn a_book_is_overdue_after_four_weeks_and_not_before() {
        let mark = Action::command("1", &LoanCommand::MarkOverdue).unwrap();
        lent()
            .process::<Overdue>()
            .at("2026-01-29T08:59:59Z")
            .then([])
            .at("2026-01-29T09:00:00Z")
            .then([mark]);
    }

    #[test]
    fn a_book_that_is_back_or_lost_is_not_overdue() {
        for event in [returned(), lost()] {
            let over = lent().and_at("2026-01-15T09:00:00Z", "1", [event]);
            over.process::<Overdue>().then_no_deadline("return");
        }
    }
}
