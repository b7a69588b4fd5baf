//! What was decided in one system comes into another, or into the same again.

use crate::{
    bank::{Bank, applied, ask, keyed, rejected, unkeyed},
    domain::{
        AccountCommand::{self, Close, Deposit, Open, Touch, Transfer, Withdraw},
        service,
    },
};
use rewind::{CloudEvent, RecordedEvent, claimed::Claimed, command::Command};
use rewind_aws::{
    audit::{
        report::{Violation, Watch},
        run::Audit,
    },
    command::commands::{Answer, Known},
    event_table::event_store::{Claim, Inserted},
    sequence::sequencer::{Outcome, Sequencer},
};

fn open(email: &str) -> AccountCommand {
    Open {
        email: email.into(),
    }
}

fn transfer(to: &str, cents: u64) -> AccountCommand {
    let (to, at) = (to.into(), None);
    Transfer { to, cents, at }
}

fn later() -> Command {
    keyed("later", "1", &open("a@b"))
}

fn refused() -> Command {
    keyed("no", "2", &Withdraw { cents: 999 })
}

/// Decides about all kinds of commands, and returns what is recorded, in order.
async fn decided(bank: &mut Bank) -> Vec<CloudEvent> {
    let commands = bank.commands();
    sequenced(bank, &[later().received().unwrap()]).await;
    applied(&commands, &later()).await;
    applied(&commands, &unkeyed("2", &open("c@d"))).await;
    applied(&commands, &unkeyed("1", &Deposit { cents: 100 })).await;
    applied(&commands, &keyed("move", "1", &transfer("2", 30))).await;
    applied(&commands, &keyed("touch", "1", &Touch {})).await;
    assert_eq!(rejected(&commands, &refused()).await, "not-enough");
    applied(&commands, &keyed("close", "2", &Close {})).await;
    let published = bank.published().await.into_values();
    let mut all: Vec<RecordedEvent> = published.flat_map(|stream| stream.into_values()).collect();
    // What pump records, pump publishes.
    all.extend(bank.recorded("rewind:command-later").await);
    all.sort_by_key(|event| event.position);
    let all: Vec<CloudEvent> = all.into_iter().map(|event| event.event).collect();
    assert_eq!(all.len(), 12);
    all
}

async fn sequenced(bank: &Bank, events: &[CloudEvent]) -> Vec<Outcome> {
    Sequencer::new(bank.aws.events()).record(events).await
}

fn is_new(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Recorded { is_new, .. } => *is_new,
        other => panic!("{other:?}"),
    }
}

#[derive(Default)]
struct Found(Vec<String>);

impl Watch for Found {
    fn violation(&mut self, violation: &Violation) {
        self.0.push(format!("{violation:?}"));
    }
    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

/// How many events are recorded, in a system that the auditor finds clean.
async fn clean(bank: &Bank) -> u64 {
    let mut found = Found::default();
    let audit = Audit::new(service(), bank.aws.events(), bank.aws.data());
    let counts = audit.run(&mut found).await.unwrap();
    assert_eq!(found.0, Vec::<String>::new());
    assert_eq!(counts.orphan_claims, 0, "{counts:?}");
    counts.events
}

#[tokio::test]
async fn what_comes_in_again_is_not_recorded_again() {
    let mut bank = Bank::start().await;
    let all = decided(&mut bank).await;
    for events in [&all[..], &all[3..4], &all[7..]] {
        let outcomes = sequenced(&bank, events).await;
        assert!(!outcomes.iter().any(is_new), "{outcomes:#?}");
    }
    assert_eq!(clean(&bank).await, 12);
}

#[tokio::test]
async fn what_was_decided_elsewhere_is_known_by_its_key() {
    let mut bank = Bank::start().await;
    let all = decided(&mut bank).await;
    let other = Bank::start().await;
    let outcomes = sequenced(&other, &all).await;
    assert!(outcomes.iter().all(is_new), "{outcomes:#?}");
    let outcomes = sequenced(&other, &all).await;
    assert!(!outcomes.iter().any(is_new), "{outcomes:#?}");
    let commands = other.commands();
    let opened = applied(&commands, &later()).await;
    assert_eq!(opened[0].event, all[1]);
    assert_eq!(rejected(&commands, &refused()).await, "not-enough");
    assert_eq!(
        applied(&commands, &keyed("touch", "1", &Touch {})).await,
        []
    );
    let moved = applied(&commands, &keyed("move", "1", &transfer("2", 30))).await;
    let moved: Vec<&str> = moved.iter().map(RecordedEvent::event_type).collect();
    assert_eq!(moved, ["withdrawn"], "of the stream that it began in");
    let known = commands.known("no").await.unwrap();
    assert!(matches!(known, Some(Known::Decided(Answer::Rejected(_)))));
    // What was asked is not known, but of whom.
    for other in [
        keyed("move", "2", &transfer("1", 30)),
        keyed("later", "3", &open("a@b")),
    ] {
        assert_eq!(ask(&commands, &other).await.unwrap(), Answer::KeyReused);
    }
    // A value that was claimed there is claimed here.
    let taken = unkeyed("3", &open("a@b"));
    assert_eq!(rejected(&commands, &taken).await, "email-taken");
    applied(&commands, &unkeyed("3", &open("c@d"))).await;
    assert_eq!(clean(&other).await, 12 + 2);
}

#[tokio::test]
async fn a_command_whose_outcome_an_import_claims_waits_for_it() {
    let mut bank = Bank::start().await;
    let all = decided(&mut bank).await;
    let other = Bank::start().await;
    let first = all.iter().filter(|event| {
        let claimed = event.claimed();
        matches!(claimed, Claimed::Together { is_first: true, .. })
    });
    let claims = first.map(|event| Claim {
        identity: event.identity(),
        fingerprint: event.fingerprint(),
        stream: event.stream.clone(),
        from: 1,
    });
    let claims: Vec<Claim> = claims.collect();
    assert_eq!(claims.len(), 5, "one for each key");
    let answers = other.aws.events().claim(&claims).await;
    assert_eq!(answers, vec![Inserted::New; 5]);
    sequenced(&other, &all[..1]).await;
    // The command has come, its outcome has not.
    let commands = other.commands();
    assert_eq!(ask(&commands, &later()).await.unwrap(), Answer::OnTheWay);
    let known = commands.known("later").await.unwrap();
    assert_eq!(known, Some(Known::Waits));
    let outcomes = sequenced(&other, &all[1..]).await;
    assert!(outcomes.iter().all(is_new), "{outcomes:#?}");
    assert_eq!(applied(&commands, &later()).await[0].event, all[1]);
    assert_eq!(clean(&other).await, 12);
}
