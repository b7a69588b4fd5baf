//! What a replay, an import and a new reader leave alone.

use crate::{
    domain::{NEVER, OrderEvent, TWICE},
    drain, event, placed, post,
};
use provider::Provider;
use rewind::reserved::IMPORTED;
use rewind_aws::{
    aws::clock::micros,
    data_table::{key::Key, row::Row},
};
use serde_json::json;

fn streams(count: usize) -> Vec<String> {
    let logs = (0..count).map(|nth| format!("gateway:payments-{nth}"));
    let orders = (0..count).map(|nth| format!("order-{nth}"));
    let money = (0..count).map(|nth| format!("money-{nth}"));
    orders.chain(logs).chain(money).collect()
}

#[tokio::test]
async fn a_full_replay_asks_nobody_whatever_the_code_would_ask_now() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    for nth in 0..5 {
        post.pump(&[placed(&nth.to_string(), "tea", 500)]).await;
    }
    post.settle().await;
    assert_eq!(provider.requests(), 5);
    let mut before = Vec::new();
    for stream in streams(5) {
        before.push(post.recorded(&stream).await);
    }
    for twice in [false, true] {
        TWICE.set(twice);
        // Without what the readers know, each event is taken as if it were new.
        post.wipe().await;
        post.replay(&streams(5)).await;
        drain(&mut post).await;
        assert_eq!(provider.requests(), 5, "nobody is asked");
        for (stream, before) in streams(5).iter().zip(&before) {
            assert_eq!(&post.recorded(stream).await, before, "nothing is added");
        }
    }
    assert_eq!(post.stalls().await, [] as [String; 0]);
}

/// A wiped data store, and then a live event: what is in front of it is read, and
/// is history.
#[tokio::test]
async fn what_is_older_than_its_reader_asks_nobody() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    // The code of then asks for no money.
    NEVER.set(true);
    post.pump(&[
        placed("1", "tea", 500),
        event("1", 2, &OrderEvent::Looked {}),
    ])
    .await;
    post.settle().await;
    post.wipe().await;
    // The reader that comes now would ask for the money of the first event.
    let begins = Row {
        state: Some(json!({"since": micros()})),
        ..Row::default()
    };
    for origin in [
        "rule/charges",
        "rule/scores",
        "gateway/payments",
        "gateway/agency",
    ] {
        let key = Key {
            pk: "rewind#listeners".into(),
            sk: origin.into(),
        };
        post.aws.data().put(&key, &begins, 0).await.unwrap();
    }
    NEVER.set(false);
    let new = event(
        "1",
        3,
        &OrderEvent::Placed {
            product: "tea".into(),
            cents: 9,
        },
    );
    post.pump(&[new]).await;
    post.settle().await;
    assert_eq!(provider.taken("1"), 9, "only what is new");
}

#[tokio::test]
async fn what_is_imported_asks_nobody_nor_does_what_follows_from_it() {
    let provider = Provider::start();
    let mut elsewhere = post(&provider).await;
    elsewhere.pump(&[placed("1", "tea", 500)]).await;
    elsewhere.outside = rewind_aws::outside::Outside::none();
    elsewhere.settle().await;
    let mut post = post(&provider).await;
    for stream in ["order-1", "gateway:payments-1"] {
        for recorded in elsewhere.recorded(stream).await {
            let mut event = recorded.event;
            event.extensions.insert(IMPORTED.into(), true.into());
            post.pump(&[event]).await;
        }
        drain(&mut post).await;
    }
    assert_eq!(post.types("gateway:payments-1").await, ["call-requested"]);
    assert_eq!(provider.requests(), 0);
    // What comes now is new.
    let new = event(
        "1",
        2,
        &OrderEvent::Placed {
            product: "tea".into(),
            cents: 9,
        },
    );
    post.pump(&[new]).await;
    drain(&mut post).await;
    assert_eq!(provider.taken("1"), 9);
}
