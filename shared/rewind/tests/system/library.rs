//! A library in small: books are lent, members pay fines, and nobody waits for
//! a book for ever.

use crate::member::{Member, MemberCommand};
use rewind::{
    Action, Adapter, Aggregate, Command, Decision, Envelope, Event, Expected,
    MultiStreamProjection, NewCommand, Process, Reached, Rejection, Rule, Service,
    SingleStreamProjection, Timestamp, jiff::SignedDuration,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Loans.

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(
    clippy::enum_variant_names,
    reason = "as in the guide, an event's type says what it is about"
)]
pub enum LoanEvent {
    BookBorrowed { member: String },
    BookOverdue { member: String },
    BookReturned { member: String },
}

impl Event for LoanEvent {
    const CATEGORY: &'static str = "loan";
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub enum LoanCommand {
    BorrowBook {
        member: String,
    },
    MarkOverdue {},
    ReturnBook {},
    /// This book for another one.
    ExchangeBook {
        book: String,
    },
}

impl Command for LoanCommand {
    type Aggregate = Loan;
}

#[derive(Debug, Serialize, thiserror::Error)]
pub enum LoanRejection {
    #[error("the book is lent to {to}")]
    AlreadyLent { to: String },
    #[error("nobody has borrowed the book")]
    NotLent,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Loan {
    pub member: Option<String>,
}

impl Aggregate for Loan {
    type Command = LoanCommand;
    type Event = LoanEvent;
    type Rejection = LoanRejection;

    fn decide(&self, command: LoanCommand, _: Timestamp) -> Result<Decision<Self>, LoanRejection> {
        let member = self.member.clone().ok_or(LoanRejection::NotLent);
        let event = match (command, &self.member) {
            (LoanCommand::BorrowBook { member }, None) => LoanEvent::BookBorrowed { member },
            (LoanCommand::BorrowBook { .. }, Some(to)) => {
                return Err(LoanRejection::AlreadyLent { to: to.clone() });
            }
            (LoanCommand::MarkOverdue {}, _) => LoanEvent::BookOverdue { member: member? },
            (LoanCommand::ReturnBook {}, _) => LoanEvent::BookReturned { member: member? },
            (LoanCommand::ExchangeBook { book }, _) => {
                let member = member?;
                let borrowed = LoanEvent::BookBorrowed {
                    member: member.clone(),
                };
                let returned = Decision::from([LoanEvent::BookReturned { member }]);
                return Ok(returned.and(book, Expected::New, [borrowed]));
            }
        };
        Ok([event].into())
    }

    fn evolve(&mut self, event: &Envelope<LoanEvent>) {
        match &event.data {
            LoanEvent::BookBorrowed { member } => self.member = Some(member.clone()),
            LoanEvent::BookOverdue { .. } => {}
            LoanEvent::BookReturned { .. } => self.member = None,
        }
    }
}

// Letters are recorded.

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum LetterEvent {
    Reminded { book: String },
}

impl Event for LetterEvent {
    const CATEGORY: &'static str = "letter";
}

// Rows.

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoanRow {
    pub member: Option<String>,
    pub is_overdue: bool,
}

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
        }
        Ok(())
    }
}

/// How many books each member has. It has a sign, because what was borrowed may
/// be taken back where its return stays.
pub struct Shelves;

impl Shelves {
    fn change(event: &LoanEvent) -> i64 {
        match event {
            LoanEvent::BookBorrowed { .. } => 1,
            LoanEvent::BookOverdue { .. } => 0,
            LoanEvent::BookReturned { .. } => -1,
        }
    }
}

impl MultiStreamProjection for Shelves {
    type Event = LoanEvent;
    type Row = i64;
    const NAME: &'static str = "shelves";

    fn keys(event: &Envelope<LoanEvent>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            LoanEvent::BookBorrowed { member } | LoanEvent::BookReturned { member } => {
                vec![member.clone()]
            }
            LoanEvent::BookOverdue { .. } => vec![],
        })
    }

    fn apply(_: &str, books: &mut i64, event: &Envelope<LoanEvent>) -> Result<(), Rejection> {
        *books += Self::change(&event.data);
        Ok(())
    }

    fn revert(_: &str, books: &mut i64, event: &Envelope<LoanEvent>) -> Result<(), Rejection> {
        *books -= Self::change(&event.data);
        Ok(())
    }
}

// What follows from what.

/// A letter after three weeks, and after four the book is overdue.
pub struct Overdue;

impl Process for Overdue {
    type Event = LoanEvent;
    type State = ();
    const NAME: &'static str = "overdue";

    fn key(event: &Envelope<LoanEvent>) -> Option<String> {
        Some(event.stream().original_id()?.into())
    }

    fn on(_: &mut (), event: &Envelope<LoanEvent>) -> Result<Vec<Action>, Rejection> {
        let now = event.timestamp()?;
        let weeks = |weeks: i64| now + SignedDuration::from_hours(weeks * 7 * 24);
        Ok(match &event.data {
            LoanEvent::BookBorrowed { .. } => vec![
                Action::deadline("return", weeks(4)),
                Action::deadline("remind", weeks(3)),
            ],
            LoanEvent::BookReturned { .. } => {
                vec![Action::cancel("return"), Action::cancel("remind")]
            }
            LoanEvent::BookOverdue { .. } => vec![],
        })
    }

    fn reached(_: &mut (), deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        let book = deadline.key.clone();
        Ok(vec![match deadline.name.as_str() {
            "return" => Action::command(&book, &LoanCommand::MarkOverdue {})?,
            _ => Action::emit("all", &LetterEvent::Reminded { book })?,
        }])
    }
}

/// If a book is overdue, then its member pays.
pub struct Fines;

impl Rule for Fines {
    type Event = LoanEvent;
    type Emits = NewCommand;
    const NAME: &'static str = "fines";

    fn react(event: &Envelope<LoanEvent>) -> Result<Vec<NewCommand>, Rejection> {
        let LoanEvent::BookOverdue { member } = &event.data else {
            return Ok(vec![]);
        };
        let book = event.stream().id().into();
        Ok(vec![NewCommand::new(
            member,
            &MemberCommand::ChargeFine { book },
        )?])
    }
}

/// The desk of the library says who takes which book, and for which one that
/// they bring back.
pub struct Desk;

#[derive(Deserialize)]
pub struct Taken {
    book: String,
    member: String,
    #[serde(default)]
    back: Option<String>,
}

impl Adapter for Desk {
    type Input = Taken;
    type Emits = NewCommand;
    const SOURCE: &'static str = "desk";

    fn map(input: &Envelope<Taken>) -> Result<Vec<NewCommand>, Rejection> {
        let Taken { book, member, back } = &input.data;
        let (book, member) = (book.clone(), member.clone());
        let command = match back {
            Some(back) => NewCommand::new(back, &LoanCommand::ExchangeBook { book }),
            None => NewCommand::new(&book, &LoanCommand::BorrowBook { member }),
        };
        Ok(vec![command?])
    }
}

pub fn service() -> Service {
    Service::new()
        .aggregate::<Loan>()
        .single_stream::<Loans>()
        .multi_stream::<Shelves>()
        .process::<Overdue>()
        .rule::<Fines>()
        .adapter::<Desk>()
        .aggregate::<Member>()
        .events::<LetterEvent>()
}
