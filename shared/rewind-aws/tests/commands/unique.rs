//! Values that at most one stream holds.

use crate::{
    bank::{Bank, applied, ask, keyed, rejected, unkeyed},
    domain::AccountCommand::{Close, Open},
};
use futures::{StreamExt, stream};
use rewind_aws::command::commands::Answer;

#[tokio::test]
async fn a_value_is_taken_once_and_can_be_taken_again_when_it_is_free() {
    let bank = Bank::start().await;
    let commands = bank.commands();
    let open = |email: &str| Open {
        email: email.into(),
    };
    applied(&commands, &unkeyed("1", &open("a@b"))).await;
    let taken = unkeyed("2", &open("a@b"));
    assert_eq!(rejected(&commands, &taken).await, "email-taken");
    assert_eq!(bank.recorded("account-2").await, []);
    applied(&commands, &unkeyed("1", &Close {})).await;
    applied(&commands, &unkeyed("2", &open("a@b"))).await;
    // Whoever no longer holds it cannot release it.
    applied(&commands, &unkeyed("1", &open("c@d"))).await;
    applied(&commands, &unkeyed("1", &Close {})).await;
    assert_eq!(
        rejected(&commands, &unkeyed("3", &open("a@b"))).await,
        "email-taken"
    );
}

#[tokio::test]
async fn a_thousand_sign_ups_for_five_hundred_addresses() {
    let bank = Bank::start().await;
    let processes: Vec<_> = (0..8).map(|_| bank.commands()).collect();
    let sign_ups = (0..1000).map(|nth| {
        let commands = &processes[nth % processes.len()];
        async move {
            let email = format!("{}@example.org", nth / 2);
            let command = Open { email };
            // Half of them with a key, and those are sent twice.
            let id = format!("{nth}");
            if nth % 4 < 2 {
                return ask(commands, &unkeyed(&id, &command)).await.unwrap();
            }
            let command = keyed(&format!("key-{nth}"), &id, &command);
            let first = ask(commands, &command).await.unwrap();
            assert_eq!(ask(commands, &command).await.unwrap(), first);
            first
        }
    });
    let answers: Vec<Answer> = stream::iter(sign_ups).buffer_unordered(64).collect().await;
    let applied = answers.iter().filter(|a| matches!(a, Answer::Applied(_)));
    assert_eq!(applied.count(), 500);
    let taken = answers.iter().filter(
        |answer| matches!(answer, Answer::Rejected(refusal) if refusal.name == "email-taken"),
    );
    assert_eq!(taken.count(), 500);
    let mut opened = 0;
    for nth in 0..1000 {
        opened += bank.recorded(&format!("account-{nth}")).await.len();
    }
    assert_eq!(opened, 500);
}
