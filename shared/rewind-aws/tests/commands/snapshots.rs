//! Snapshots save time, and decide nothing.

use crate::{
    bank::{Bank, applied, loaded, rejected, unkeyed},
    domain::AccountCommand::{Deposit, Open, Withdraw},
};
use rewind::{StreamName, reversal::Reversal};
use rewind_aws::{
    command::commands::SNAPSHOT_EVERY,
    data_table::{key::Key, row::Row},
    sequence::sequencer::Sequencer,
};
use serde_json::json;

const DEPOSITS: u64 = SNAPSHOT_EVERY + 10;

async fn rich() -> (Bank, Key) {
    let bank = Bank::start().await;
    let commands = bank.commands();
    let open = Open {
        email: "a@b".into(),
    };
    applied(&commands, &unkeyed("1", &open)).await;
    for _ in 0..DEPOSITS {
        applied(&commands, &unkeyed("1", &Deposit { cents: 1 })).await;
    }
    (bank, Key::checkpoint("snapshot/account", "account-1"))
}

#[tokio::test]
async fn a_process_begins_with_the_snapshot() {
    let (bank, key) = rich().await;
    let kept = bank.aws.data().get(&key).await.unwrap().unwrap();
    assert_eq!(kept.watermark, SNAPSHOT_EVERY);
    let (state, known) = loaded(&bank.commands(), "1").await;
    assert_eq!(state["cents"], DEPOSITS);
    assert_eq!(
        (known.snapshot, known.head.version),
        (SNAPSHOT_EVERY, DEPOSITS + 1)
    );
    // That it was read shows in what it says.
    let mut wrong = kept.clone();
    let text = r#"{"email":"a@b","cents":1000}"#;
    wrong.state.as_mut().unwrap()["state"] = json!(text);
    bank.aws.data().replace(&key, &wrong).await.unwrap();
    let behind = DEPOSITS + 1 - SNAPSHOT_EVERY;
    assert_eq!(
        loaded(&bank.commands(), "1").await.0["cents"],
        1000 + behind
    );
    // One of another version is not read, nor one that fits no state.
    for (of, text) in [(2, text), (1, r#"{"cents":"many"}"#), (1, "none")] {
        let mut other = wrong.clone();
        let state = other.state.as_mut().unwrap();
        state["of"] = json!(of);
        state["state"] = json!(text);
        bank.aws.data().replace(&key, &other).await.unwrap();
        assert_eq!(loaded(&bank.commands(), "1").await.0["cents"], DEPOSITS);
    }
    let nothing = Row::default();
    bank.aws.data().replace(&key, &nothing).await.unwrap();
    assert_eq!(loaded(&bank.commands(), "1").await.0["cents"], DEPOSITS);
}

#[tokio::test]
async fn a_reversed_event_is_left_out_whatever_was_kept() {
    let (bank, _) = rich().await;
    let warm = bank.commands();
    loaded(&warm, "1").await;
    let stream = StreamName::new("account-1").unwrap();
    let sequencer = Sequencer::new(bank.aws.events());
    let mut times = 0;
    for (version, cents) in [
        (2, DEPOSITS - 1),
        (3, DEPOSITS - 2),
        (DEPOSITS + 2, DEPOSITS - 1),
    ] {
        let named = bank
            .aws
            .events()
            .event(&stream, version)
            .await
            .unwrap()
            .unwrap();
        let reversal = Reversal {
            version,
            source: named.event.source.clone(),
            id: named.event.id.clone(),
            reason: "a slip".into(),
            by: "ann".into(),
        };
        let event = reversal.event(&named, 0, named.event.time.clone());
        sequencer.record(&[event]).await;
        times += 1;
        for commands in [&warm, &bank.commands()] {
            let (state, known) = loaded(commands, "1").await;
            assert_eq!(state["cents"], cents, "after reversal {times}");
            assert_eq!(known.head.version, DEPOSITS + 1 + times);
        }
        let too_much = unkeyed("1", &Withdraw { cents: cents + 1 });
        assert_eq!(rejected(&warm, &too_much).await, "not-enough");
    }
    // And the next decision stands behind.
    applied(&warm, &unkeyed("1", &Deposit { cents: 1 })).await;
    assert_eq!(loaded(&bank.commands(), "1").await.0["cents"], DEPOSITS);
    assert_eq!(loaded(&warm, "1").await.0["cents"], DEPOSITS);
}
