//! A member of the library, in the stream `member-<id>`.

use rewind::{
    Aggregate, Command, Decision, Envelope, Event, Rejection, SingleStreamProjection, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Events.

/// What happens to a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MemberEvent {
    MemberJoined { name: String },
    BookRequested { book: String },
    FineCharged { book: String, cents: u64 },
    FinesPaid { cents: u64 },
    MemberSuspended,
}

impl Event for MemberEvent {
    const CATEGORY: &'static str = "member";
}

// Commands.

/// What may be asked of a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names say it")]
pub enum MemberCommand {
    JoinLibrary {
        name: String,
    },
    RequestBook {
        book: String,
    },
    /// Given by the process `fines`.
    ChargeFine {
        book: String,
    },
    PayFines {
        cents: u64,
    },
    /// Given by the process `suspensions`.
    SuspendMember,
}

impl Command for MemberCommand {
    type Aggregate = Member;
}

// Rejections.

/// A fine: for each started week.
pub const FINE: u64 = 50;

/// Who owes more gets no books.
pub const MOST_OWED: u64 = 500;

/// Why a member refuses a command.
#[derive(Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum MemberRejection {
    #[error("there is no such member")]
    NotJoined,
    #[error("the member has joined already")]
    AlreadyJoined,
    #[error("the member is suspended")]
    Suspended,
    #[error("the member owes {cents} cents, more than {MOST_OWED}")]
    OwesTooMuch { cents: u64 },
    #[error("the member owes no more than {owes} cents")]
    PaysTooMuch { owes: u64 },
}

// State.

/// A member; the row of the member as well.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// `None` before they join.
    pub name: Option<String>,
    /// What they owe, in cents.
    pub owes: u64,
    /// Whether they get no books any more.
    pub is_suspended: bool,
}

impl Member {
    fn apply(&mut self, event: &MemberEvent) {
        match event {
            MemberEvent::MemberJoined { name } => self.name = Some(name.clone()),
            MemberEvent::BookRequested { .. } => {}
            MemberEvent::FineCharged { cents, .. } => self.owes += cents,
            // More is paid than owed where a fine was reversed.
            MemberEvent::FinesPaid { cents } => self.owes = self.owes.saturating_sub(*cents),
            MemberEvent::MemberSuspended => self.is_suspended = true,
        }
    }
}

// Aggregate.

impl Aggregate for Member {
    type Command = MemberCommand;
    type Event = MemberEvent;
    type Rejection = MemberRejection;

    fn decide(
        &self,
        command: MemberCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, MemberRejection> {
        let has_joined = self.name.is_some();
        let event = match command {
            MemberCommand::JoinLibrary { .. } if has_joined => {
                return Err(MemberRejection::AlreadyJoined);
            }
            MemberCommand::JoinLibrary { name } => MemberEvent::MemberJoined { name },
            _ if !has_joined => return Err(MemberRejection::NotJoined),
            MemberCommand::RequestBook { .. } if self.is_suspended => {
                return Err(MemberRejection::Suspended);
            }
            MemberCommand::RequestBook { .. } if self.owes > MOST_OWED => {
                return Err(MemberRejection::OwesTooMuch { cents: self.owes });
            }
            MemberCommand::RequestBook { book } => MemberEvent::BookRequested { book },
            MemberCommand::ChargeFine { book } => MemberEvent::FineCharged { book, cents: FINE },
            MemberCommand::PayFines { cents } if cents > self.owes => {
                return Err(MemberRejection::PaysTooMuch { owes: self.owes });
            }
            MemberCommand::PayFines { cents } => MemberEvent::FinesPaid { cents },
            MemberCommand::SuspendMember if self.is_suspended => {
                return Err(MemberRejection::Suspended);
            }
            MemberCommand::SuspendMember => MemberEvent::MemberSuspended,
        };
        Ok([event].into())
    }

    fn evolve(&mut self, event: &Envelope<MemberEvent>) {
        self.apply(&event.data);
    }
}

// Rows.

/// Each member.
#[derive(Debug)]
pub struct Members;

impl SingleStreamProjection for Members {
    type Event = MemberEvent;
    type Row = Member;
    const NAME: &'static str = "members";

    fn apply(row: &mut Member, event: &Envelope<MemberEvent>) -> Result<(), Rejection> {
        row.apply(&event.data);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::{Given, given};

    fn book() -> String {
        "dune".into()
    }

    fn joined() -> Given<MemberEvent> {
        let name = "Ann".into();
        given([MemberEvent::MemberJoined { name }])
    }

    fn fined(times: usize) -> Given<MemberEvent> {
        let (book, cents) = (book(), FINE);
        let fine = MemberEvent::FineCharged { book, cents };
        joined().and("1", vec![fine; times])
    }

    fn join() -> MemberCommand {
        let name = "Ann".into();
        MemberCommand::JoinLibrary { name }
    }

    fn request() -> MemberCommand {
        MemberCommand::RequestBook { book: book() }
    }

    #[test]
    fn a_member_joins_once() {
        let name = "Ann".to_string();
        given([])
            .when(join())
            .then([MemberEvent::MemberJoined { name }]);
        joined()
            .when(join())
            .then_rejected(MemberRejection::AlreadyJoined);
    }

    #[test]
    fn nobody_else_gets_books_or_fines() {
        for command in [
            request(),
            MemberCommand::ChargeFine { book: book() },
            MemberCommand::PayFines { cents: 0 },
            MemberCommand::SuspendMember,
        ] {
            let asked = given([]).when(command);
            asked.then_rejected(MemberRejection::NotJoined);
        }
    }

    #[test]
    fn a_member_requests_a_book_unless_they_owe_too_much() {
        let requested = MemberEvent::BookRequested { book: book() };
        fined(10).when(request()).then([requested]);
        let cents = 550;
        let asked = fined(11).when(request());
        asked.then_rejected(MemberRejection::OwesTooMuch { cents });
    }

    #[test]
    fn a_suspended_member_gets_no_books() {
        let suspended = joined().and("1", [MemberEvent::MemberSuspended]);
        let asked = suspended.when(request());
        asked.then_rejected(MemberRejection::Suspended);
        let asked = suspended.when(MemberCommand::SuspendMember);
        asked.then_rejected(MemberRejection::Suspended);
    }

    #[test]
    fn fines_are_paid_and_no_more_than_they_are() {
        let charged = MemberEvent::FineCharged {
            book: book(),
            cents: FINE,
        };
        let asked = joined().when(MemberCommand::ChargeFine { book: book() });
        asked.then([charged]);
        let pay = |cents| MemberCommand::PayFines { cents };
        let paid = MemberEvent::FinesPaid { cents: 100 };
        fined(2).when(pay(100)).then([paid.clone()]);
        let asked = fined(2).when(pay(101));
        asked.then_rejected(MemberRejection::PaysTooMuch { owes: 100 });
        fined(3).and("1", [paid]).then_row::<Members>(Member {
            name: Some("Ann".into()),
            owes: 50,
            is_suspended: false,
        });
    }
}
