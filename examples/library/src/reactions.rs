//! What follows from what: a rule and two processes between books and members.

use crate::{
    loan::{LoanCommand, LoanEvent},
    member::{MemberCommand, MemberEvent},
};
use rewind::{
    Action, Envelope, NewCommand, Process, Reached, Rejection, Rule, jiff::SignedDuration,
};

/// If a member requests a book, then it is borrowed: whether they may was
/// decided before, and whether the book is there is decided now.
#[derive(Debug)]
pub struct LoansFollow;

impl Rule for LoansFollow {
    type Event = MemberEvent;
    type Emits = NewCommand;
    const NAME: &'static str = "loans-follow";

    fn react(event: &Envelope<MemberEvent>) -> Result<Vec<NewCommand>, Rejection> {
        Ok(match &event.data {
            MemberEvent::BookRequested { book } => {
                let member = event.stream().original_id();
                let member = member.ok_or_else(|| Rejection::new("the member's id is too long"))?;
                let member = member.into();
                vec![NewCommand::new(book, &LoanCommand::BorrowBook { member })?]
            }
            MemberEvent::MemberJoined { .. }
            | MemberEvent::FineCharged { .. }
            | MemberEvent::FinesPaid { .. }
            | MemberEvent::MemberSuspended => vec![],
        })
    }
}

/// A fine for each week that a book is overdue, when the week begins.
#[derive(Debug)]
pub struct Fines;

impl Process for Fines {
    type Event = LoanEvent;
    /// Who pays.
    type State = String;
    const NAME: &'static str = "fines";

    fn key(event: &Envelope<LoanEvent>) -> Option<String> {
        Some(event.stream().original_id()?.into())
    }

    fn on(payer: &mut String, event: &Envelope<LoanEvent>) -> Result<Vec<Action>, Rejection> {
        Ok(match &event.data {
            LoanEvent::BookOverdue { member } => {
                payer.clone_from(member);
                // The first week begins now, and is charged like the others.
                vec![Action::deadline("week", event.timestamp()?)]
            }
            LoanEvent::BookReturned { .. } | LoanEvent::BookLost { .. } => {
                vec![Action::cancel("week")]
            }
            LoanEvent::BookBorrowed { .. } => vec![],
        })
    }

    fn reached(payer: &mut String, week: &Reached) -> Result<Vec<Action>, Rejection> {
        let book = week.key.clone();
        let next = week.at + SignedDuration::from_hours(7 * 24);
        Ok(vec![
            Action::command(payer, &MemberCommand::ChargeFine { book })?,
            Action::deadline("week", next),
        ])
    }
}

/// Who has lost three books gets no more.
#[derive(Debug)]
pub struct Suspensions;

impl Process for Suspensions {
    type Event = LoanEvent;
    /// How many books the member has lost.
    type State = u32;
    const NAME: &'static str = "suspensions";

    fn key(event: &Envelope<LoanEvent>) -> Option<String> {
        match &event.data {
            LoanEvent::BookLost { member } => Some(member.clone()),
            LoanEvent::BookBorrowed { .. }
            | LoanEvent::BookOverdue { .. }
            | LoanEvent::BookReturned { .. } => None,
        }
    }

    fn on(lost: &mut u32, event: &Envelope<LoanEvent>) -> Result<Vec<Action>, Rejection> {
        let LoanEvent::BookLost { member } = &event.data else {
            return Ok(vec![]);
        };
        *lost += 1;
        match *lost {
            3 => Ok(vec![Action::command(
                member,
                &MemberCommand::SuspendMember,
            )?]),
            _ => Ok(vec![]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::{Given, given, history};

    fn member() -> String {
        "ann".into()
    }

    fn lost() -> LoanEvent {
        LoanEvent::BookLost { member: member() }
    }

    fn overdue() -> Given<LoanEvent> {
        let overdue = LoanEvent::BookOverdue { member: member() };
        given([overdue]).at("2026-01-29T09:00:00Z")
    }

    fn fine() -> Action {
        let book = "1".into();
        Action::command("ann", &MemberCommand::ChargeFine { book }).unwrap()
    }

    fn week(next: &str) -> Action {
        Action::deadline("week", next.parse().unwrap())
    }

    #[test]
    fn a_book_that_is_requested_is_borrowed() {
        let book = "dune".into();
        let requested = history().and("ann", [MemberEvent::BookRequested { book }]);
        let borrow = LoanCommand::BorrowBook { member: member() };
        let borrow = NewCommand::new("dune", &borrow).unwrap();
        requested.then_emits::<LoansFollow>(&[borrow]);
        given([MemberEvent::MemberSuspended]).then_emits::<LoansFollow>(&[]);
    }

    #[test]
    fn a_fine_is_charged_for_each_started_week() {
        overdue()
            .process::<Fines>()
            .at("2026-01-29T09:00:00Z")
            .then([fine(), week("2026-02-05T09:00:00Z")])
            .at("2026-02-05T08:59:59Z")
            .then([])
            .at("2026-02-12T09:00:00Z")
            .then([
                fine(),
                week("2026-02-12T09:00:00Z"),
                fine(),
                week("2026-02-19T09:00:00Z"),
            ]);
    }

    #[test]
    fn a_book_that_is_back_costs_no_more() {
        let returned = LoanEvent::BookReturned { member: member() };
        let back = overdue().and_at("2026-02-06T09:00:00Z", "1", [returned]);
        back.process::<Fines>()
            .then_no_deadline("week")
            .at("2036-01-01T00:00:00Z")
            .then([]);
    }

    #[test]
    fn the_third_lost_book_suspends_the_member_and_no_other() {
        let suspend = Action::command("ann", &MemberCommand::SuspendMember).unwrap();
        let two = given([lost()]).and("2", [lost()]);
        two.process::<Suspensions>().then([]).then_state(2);
        let three = two.clone().and("3", [lost()]);
        three.process::<Suspensions>().then([suspend]);
        let four = three.and("4", [lost()]);
        four.process::<Suspensions>().then([]);
        let member = "bob".into();
        let of_bob = two.and("3", [LoanEvent::BookLost { member }]);
        of_bob.process::<Suspensions>().key("ann").then_state(2);
    }

    #[test]
    fn a_book_that_is_found_again_does_not_count() {
        let three = given([lost()]).and("2", [lost()]).reversed("loan-1", 1);
        let three = three.and("3", [lost()]);
        three.process::<Suspensions>().then([]).then_state(2);
    }

    #[test]
    fn all_of_it_is_registered() {
        let service = crate::service();
        assert!(service.is_decided("loan") && service.is_decided("member"));
        assert_eq!(service.runners().len(), 3);
    }
}
