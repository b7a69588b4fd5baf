//! What is recorded is published, whatever dies.

use crate::{
    bank::{Bank, applied, unkeyed},
    domain::{
        AccountCommand::{Deposit, Open},
        service,
    },
    support::event,
};
use rewind::{Head, StreamName, commit};
use rewind_aws::{append::sweep::Sweep, command::commands::Commands, data_table::key::Key};
use std::time::{SystemTime, UNIX_EPOCH};

const SECOND: u64 = 1_000_000;

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap().as_micros() as u64
}

/// A process that records and publishes nothing: as if it died in between.
fn mute(bank: &Bank) -> Commands {
    let nowhere = bank.aws.clients.stream_named("nowhere");
    Commands::new(service(), bank.aws.events(), bank.aws.data(), nowhere)
}

#[tokio::test]
async fn the_sweep_publishes_what_a_dead_process_has_recorded() {
    let mut bank = Bank::start().await;
    // Past the time in which a sweep trusts no intent.
    bank.sweep().sweep_at(now() - 300 * SECOND).await.unwrap();
    let dead = mute(&bank);
    let open = Open {
        email: "a@b".into(),
    };
    applied(&dead, &unkeyed("1", &open)).await;
    applied(&bank.commands(), &unkeyed("1", &Deposit { cents: 1 })).await;
    let published = bank.published().await;
    assert!(!published["account-1"].contains_key(&1), "{published:?}");
    let swept = bank.sweep().sweep_at(now()).await.unwrap();
    assert_eq!(
        (swept.standing, swept.published),
        (2, 0),
        "both may still be at work"
    );
    // Within a minute: an intent stands for 15 s, and the schedule looks every 20 s.
    let swept = bank.sweep().sweep_at(now() + 18 * SECOND).await.unwrap();
    assert_eq!((swept.standing, swept.ended), (0, 2));
    let published = bank.published().await;
    let versions: Vec<u64> = published["account-1"].keys().copied().collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(
        published
            .keys()
            .filter(|s| s.starts_with("rewind:unique"))
            .count(),
        1
    );
    // Not again, but for the look that meets a late write; then no intent is left.
    let swept = bank.sweep().sweep_at(now() + 40 * SECOND).await.unwrap();
    assert_eq!((swept.ended, swept.published), (0, 0));
    let swept = bank.sweep().sweep_at(now() + 330 * SECOND).await.unwrap();
    assert_eq!((swept.ended, swept.published), (2, 3));
    let swept = bank.sweep().sweep_at(now() + 330 * SECOND).await.unwrap();
    assert_eq!((swept.ended, swept.published), (0, 0));
}

#[tokio::test]
async fn a_wiped_data_store_loses_no_intent() {
    let mut bank = Bank::start().await;
    bank.sweep().sweep_at(now() - 300 * SECOND).await.unwrap();
    let dead = mute(&bank);
    let open = Open {
        email: "a@b".into(),
    };
    applied(&dead, &unkeyed("1", &open)).await;
    let store = bank.aws.data();
    for pk in ["rewind#appenders", "rewind#sweep"] {
        let (items, _) = store.list(pk, "", None, 10).await.unwrap();
        for item in items {
            let key = Key {
                pk: pk.into(),
                sk: item["sk"].as_s().unwrap().clone(),
            };
            let delete = rewind_aws::data_table::transaction::Write::Delete { key };
            store.write_together(&[delete]).await.unwrap();
        }
    }
    let swept = bank.sweep().sweep_at(now()).await.unwrap();
    assert_eq!(swept.published, 2, "the event and the claim of its address");
    assert!(bank.published().await["account-1"].contains_key(&1));
    // The dead one's intent was believed to stand for a while: what it records
    // in that time is published as well.
    applied(&dead, &unkeyed("1", &Deposit { cents: 1 })).await;
    bank.sweep().sweep_at(now() + 30 * SECOND).await.unwrap();
    assert!(bank.published().await["account-1"].contains_key(&2));
}

#[tokio::test]
async fn a_sweep_that_dies_is_gone_on_with_by_the_next() {
    let mut bank = Bank::start().await;
    let dead = mute(&bank);
    let open = Open {
        email: "a@b".into(),
    };
    applied(&dead, &unkeyed("1", &open)).await;
    // The first sweep of all looks at the day before. It comes to nothing.
    let nowhere = bank.aws.clients.stream_named("nowhere");
    let (events, store) = (bank.aws.events(), bank.aws.data());
    let first = Sweep::new(&service(), events, store, nowhere);
    first.sweep_at(now() + 60 * SECOND).await.unwrap_err();
    let swept = bank.sweep().sweep_at(now() + 70 * SECOND).await.unwrap();
    assert_eq!(swept.published, 2, "the event and the claim of its address");
    assert!(bank.published().await["account-1"].contains_key(&1));
    // What is done is not done again.
    let swept = bank.sweep().sweep_at(now() + 80 * SECOND).await.unwrap();
    assert_eq!(swept.published, 0);
}

#[tokio::test]
async fn what_was_planned_long_before_it_was_recorded_is_published() {
    let mut bank = Bank::start().await;
    bank.sweep().sweep_at(now() - 300 * SECOND).await.unwrap();
    let dead = mute(&bank);
    // Before there is an intent, and before the one that stands.
    for (nth, seconds) in [(1, 10), (2, 20)] {
        let stream = format!("account-{nth}");
        let event = event(&stream, &stream, nth);
        let planned = now() - seconds * SECOND;
        let mut commits = commit::plan(Head::default(), &[&event], planned);
        dead.recorder().record(&mut commits, None).await.unwrap();
    }
    bank.sweep().sweep_at(now() + 18 * SECOND).await.unwrap();
    let published = bank.published().await;
    assert!(published["account-1"].contains_key(&1), "{published:?}");
    assert!(published["account-2"].contains_key(&1), "{published:?}");
}

/// The appenders of a stream's commits, in order.
async fn appenders(bank: &Bank, stream: &str) -> Vec<String> {
    let stream = StreamName::new(stream).unwrap();
    let page = bank.aws.events().read(&stream, 0).await.unwrap();
    let commits = page.commits.into_iter();
    commits.map(|commit| commit.appender.unwrap()).collect()
}

#[tokio::test]
async fn a_living_process_that_could_not_publish_lets_its_intent_run_out() {
    let bank = Bank::start().await;
    let (mute, well) = (mute(&bank), bank.commands());
    for (commands, id) in [(&mute, "1"), (&well, "2")] {
        let email = format!("{id}@b");
        applied(commands, &unkeyed(id, &Open { email })).await;
        for _ in 0..2 {
            applied(commands, &unkeyed(id, &Deposit { cents: 1 })).await;
        }
    }
    // It would renew the intent for ever, and nobody would look.
    let ids = appenders(&bank, "account-1").await;
    assert!(ids[0] != ids[1] && ids[1] != ids[2], "{ids:?}");
    let ids = appenders(&bank, "account-2").await;
    assert!(ids[0] == ids[1] && ids[1] == ids[2], "{ids:?}");
}
