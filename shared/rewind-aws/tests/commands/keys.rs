//! A key has one outcome, for ever.

use crate::{
    bank::{Bank, applied, ask, keyed, rejected, unkeyed},
    domain::AccountCommand::{Deposit, Open, Panic, Touch, Withdraw},
    support::delivery,
};
use rewind_aws::command::commands::{Answer, Known};

#[tokio::test]
async fn a_repeat_is_answered_alike_whoever_gets_it() {
    let bank = Bank::start().await;
    let open = keyed(
        "open",
        "1",
        &Open {
            email: "a@b".into(),
        },
    );
    let first = applied(&bank.commands(), &open).await;
    assert_eq!(applied(&bank.commands(), &open).await, first);
    let deposit = keyed("deposit", "1", &Deposit { cents: 5 });
    let first = applied(&bank.commands(), &deposit).await;
    // What it expects no longer holds, and its time is another: it is the same.
    let mut again = deposit.clone();
    again.expected = Some(1);
    again.at = "2027-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(applied(&bank.commands(), &again).await, first);
    assert_eq!(bank.recorded("account-1").await.len(), 2);
    let nothing = keyed("touch", "1", &Touch {});
    assert_eq!(applied(&bank.commands(), &nothing).await, []);
    assert_eq!(applied(&bank.commands(), &nothing).await, []);
    let accepted = bank.recorded("rewind:command-touch").await;
    assert_eq!(accepted[0].event_type(), "command-accepted");
    assert_eq!(accepted.len(), 1);
}

#[tokio::test]
async fn a_rejection_is_an_outcome_too() {
    let bank = Bank::start().await;
    let withdraw = keyed("w", "1", &Withdraw { cents: 5 });
    assert_eq!(rejected(&bank.commands(), &withdraw).await, "not-open");
    let open = unkeyed(
        "1",
        &Open {
            email: "a@b".into(),
        },
    );
    applied(&bank.commands(), &open).await;
    applied(&bank.commands(), &unkeyed("1", &Deposit { cents: 9 })).await;
    // It would be accepted now.
    assert_eq!(rejected(&bank.commands(), &withdraw).await, "not-open");
    let told = bank.recorded("rewind:command-w").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].event_type(), "command-rejected");
    let known = bank.commands().known("w").await.unwrap();
    assert!(matches!(known, Some(Known::Decided(Answer::Rejected(_)))));
    assert_eq!(bank.commands().known("nobody").await.unwrap(), None);
}

#[tokio::test]
async fn a_key_of_another_command_is_refused() {
    let bank = Bank::start().await;
    let open = Open {
        email: "a@b".into(),
    };
    applied(&bank.commands(), &keyed("k", "1", &open)).await;
    let other_data = Open {
        email: "c@d".into(),
    };
    for other in [
        keyed("k", "2", &open),
        keyed("k", "1", &Deposit { cents: 1 }),
        keyed("k", "2", &other_data),
        keyed("k", "1", &Panic {}),
    ] {
        let answer = ask(&bank.commands(), &other).await.unwrap();
        assert_eq!(answer, Answer::KeyReused, "{other:?}");
    }
    assert_eq!(bank.recorded("account-1").await.len(), 1);
}

#[tokio::test]
async fn a_command_that_waits_under_a_key_of_another_one_is_reported() {
    let bank = Bank::start().await;
    let open = |email: &str| Open {
        email: email.into(),
    };
    let late = keyed("k", "1", &open("a@b"));
    let sequencer = rewind_aws::sequence::sequencer::Sequencer::new(bank.aws.events());
    sequencer.record(&[late.received().unwrap()]).await;
    applied(&bank.commands(), &keyed("k", "1", &open("c@d"))).await;
    let waits = bank.recorded("rewind:command-k").await;
    let commands = std::sync::Arc::new(bank.commands());
    let known = commands.known_as(&late).await.unwrap();
    assert_eq!(known, Some(Known::Decided(Answer::KeyReused)));
    let incoming = bank.aws.stream("IncomingStream");
    let reactor = rewind_aws::react::reactor::Reactor::new(commands, incoming);
    let reacted = reactor.react(&[delivery(&waits)]).await.unwrap();
    assert_eq!((reacted.emitted, reacted.failed.len()), (1, 0));
    assert_eq!(bank.recorded("account-1").await.len(), 1);
}

#[tokio::test]
async fn what_was_refused_as_it_was_sent_is_refused_alike_when_it_comes_again() {
    let bank = Bank::start().await;
    let command = keyed("k", "1", &Touch {});
    let refusal = rewind::command::Refusal {
        name: "invalid-command".into(),
        reason: "no such command".into(),
        data: serde_json::json!({}),
    };
    for _ in 0..2 {
        let commands = bank.commands();
        let answer = commands.refuse(&command, refusal.clone()).await.unwrap();
        assert_eq!(answer, Answer::Rejected(refusal.clone()));
    }
    assert_eq!(bank.recorded("rewind:command-k").await.len(), 1);
}

#[tokio::test]
async fn a_key_that_waits_to_be_decided_later_may_be_decided_at_once() {
    let bank = Bank::start().await;
    let command = keyed("later", "1", &Withdraw { cents: 1 });
    let received = command.received().unwrap();
    let sequencer = rewind_aws::sequence::sequencer::Sequencer::new(bank.aws.events());
    sequencer.record(&[received]).await;
    let known = bank.commands().known("later").await.unwrap();
    assert_eq!(known, Some(Known::Waits));
    assert_eq!(rejected(&bank.commands(), &command).await, "not-open");
    let stream = bank.recorded("rewind:command-later").await;
    let types: Vec<&str> = stream.iter().map(|event| event.event_type()).collect();
    assert_eq!(types, ["command-received", "command-rejected"]);
    // And as it was received.
    let later = rewind::command::Command::of(&stream[0]).unwrap().unwrap();
    assert_eq!(rejected(&bank.commands(), &later).await, "not-open");
    assert_eq!(bank.recorded("rewind:command-later").await.len(), 2);
}
