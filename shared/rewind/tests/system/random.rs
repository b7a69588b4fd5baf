//! Stories of any shape: whatever happens, a rebuild comes to the same, and
//! gives nothing again.

use crate::{
    library::{LoanCommand, service},
    member::MemberCommand,
};
use proptest::{collection::vec, prelude::*};
use rewind::{
    jiff::SignedDuration,
    reversal::{Effect, Reversals},
    testing::{System, system},
};
use serde_json::json;

const BOOKS: [&str; 3] = ["dune", "emma", "zen"];
const MEMBERS: [&str; 2] = ["ann", "bob"];

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Borrow(usize, usize),
    Return(usize),
    Exchange(usize, usize),
    Join(usize),
    Leave(usize),
    Input(usize, usize),
    Days(i64),
    Reverse(usize, u64),
    Rebuild,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (0..3usize, 0..2usize).prop_map(|(book, member)| Step::Borrow(book, member)),
        2 => (0..3usize).prop_map(Step::Return),
        1 => (0..3usize, 0..3usize).prop_map(|(from, to)| Step::Exchange(from, to)),
        1 => (0..2usize).prop_map(Step::Join),
        1 => (0..2usize).prop_map(Step::Leave),
        1 => (0..3usize, 0..2usize).prop_map(|(book, member)| Step::Input(book, member)),
        3 => (0..15i64).prop_map(Step::Days),
        3 => (0..5usize, 1..8u64).prop_map(|(stream, version)| Step::Reverse(stream, version)),
        1 => Just(Step::Rebuild),
    ];
    vec(step, 0..40)
}

/// Reverses an event, where that changes anything.
fn reverse(system: &mut System, stream: usize, version: u64) {
    let loans = BOOKS.map(|book| format!("loan-{book}"));
    let members = MEMBERS.map(|member| format!("member-{member}"));
    let stream = loans.iter().chain(&members).nth(stream).unwrap();
    let recorded = system.recorded(stream);
    let mut reversals = Reversals::among(recorded);
    if version > recorded.len() as u64 || reversals.by(version).is_some() {
        return;
    }
    reversals.suppose(version);
    if !matches!(reversals.effect(u64::MAX), Some(Effect::Nothing(_))) {
        system.reverse(stream, version);
    }
}

fn step(system: &mut System, step: &Step) {
    let member = |nth: usize| MEMBERS[nth].to_string();
    match *step {
        Step::Borrow(book, by) => {
            let member = member(by);
            let borrow = LoanCommand::BorrowBook { member };
            system.when(BOOKS[book], borrow).answer();
        }
        Step::Return(book) => {
            let back = LoanCommand::ReturnBook {};
            system.when(BOOKS[book], back).answer();
        }
        Step::Exchange(from, to) if from != to => {
            let book = BOOKS[to].to_string();
            let exchange = LoanCommand::ExchangeBook { book };
            system.when(BOOKS[from], exchange).answer();
        }
        Step::Exchange(..) => {}
        Step::Join(who) => {
            // Both want the same one.
            let email = "a@x.org".to_string();
            let join = MemberCommand::Join { email };
            system.when(MEMBERS[who], join).answer();
        }
        Step::Leave(who) => {
            let leave = MemberCommand::Leave {};
            system.when(MEMBERS[who], leave).answer();
        }
        Step::Input(book, by) => {
            let input = json!({"book": BOOKS[book], "member": MEMBERS[by]});
            system.input("desk", &input);
        }
        Step::Days(days) => {
            system.after(SignedDuration::from_hours(24 * days));
        }
        Step::Reverse(stream, version) => reverse(system, stream, version),
        Step::Rebuild => {
            system.rebuild();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_rebuild_comes_to_the_same_whatever_happened(steps in steps()) {
        let mut system = system(service());
        system.at("2026-01-01T09:00:00Z");
        for next in &steps {
            step(&mut system, next);
        }
        system.then_healthy().rebuild().rebuild();
    }
}
