//! One call, from the event that leads to it to the event that it leads to.

use crate::{calls, domain::MoneyEvent, drain, placed, post};
use provider::{Manner, Provider};
use rewind::{Asked, CallState, Request};
use rewind_aws::gateway::retry::retry;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_call_is_recorded_then_sent_then_answered() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    assert_eq!(
        post.types("gateway:payments-1").await,
        ["call-requested", "call-sent", "call-answered"]
    );
    let paid: MoneyEvent =
        rewind::testing::envelope::<MoneyEvent>(&post.recorded("money-1").await[0]).data;
    assert_eq!(paid, MoneyEvent::Paid { cents: 500 });
    let calls = calls(&post, "1").await;
    let call = calls.iter().next().unwrap();
    assert_eq!(call.state, CallState::Done);
    assert_eq!(
        call.asked,
        Asked::Action(json!({"order": "1", "cents": 500}))
    );
    let entries = provider.entries();
    let (key, entry) = entries.iter().next().unwrap();
    assert_eq!((key, entry.asked, entry.acted), (&call.key, 1, 1));
    // The secret has gone out, and is in no log.
    assert_eq!(entry.body["pin"], "1234");
    let Request::Http(logged) = &call.attempts[0].sent.request else {
        panic!("no HTTP");
    };
    assert_eq!(logged.body["pin"], "***");
    assert!(entry.traceparent.starts_with("00-"), "{entry:?}");
    let log = post.recorded("gateway:payments-1").await;
    for event in &log {
        assert_eq!(event.event.extension("correlationid"), Some("shop-1"));
        assert_eq!(event.event.extension("causationid"), Some("order-1@1"));
    }
}

#[tokio::test]
async fn an_answer_that_says_no_is_an_answer() {
    let provider = Provider::start();
    provider.behaves(Manner {
        status: Some(402),
        ..Manner::default()
    });
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    assert_eq!(post.types("money-1").await, ["refused"]);
    assert_eq!(provider.requests(), 1);
}

#[tokio::test]
async fn a_lost_answer_is_asked_for_with_the_same_key() {
    let provider = Provider::start();
    provider.behaves(Manner {
        loses: Some(1),
        ..Manner::default()
    });
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    assert_eq!(post.types("gateway:payments-1").await.len(), 2, "no answer");
    provider.behaves(Manner::default());
    drain(&mut post).await;
    let entries = provider.entries();
    assert_eq!(entries.len(), 1, "one key");
    let entry = entries.values().next().unwrap();
    assert_eq!((entry.asked, entry.acted), (2, 1));
    let calls = calls(&post, "1").await;
    let attempts = &calls.iter().next().unwrap().attempts;
    let again = attempts[1].sent.again.clone().unwrap();
    assert!(again.may_have_acted, "{again:?}");
    assert_eq!(post.types("money-1").await, ["paid"]);
}

/// A process that dies between call and record calls again with the same key, and
/// says so in the log.
#[tokio::test]
async fn a_death_between_call_and_record_is_told() {
    let provider = Provider::start();
    provider.behaves(Manner {
        late: Duration::from_millis(700),
        ..Manner::default()
    });
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    let asked = async {
        while provider.requests() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = asked => {}
        _ = post.settle() => panic!("it was quicker than the provider"),
    }
    post.settle_again().await;
    provider.behaves(Manner::default());
    assert_eq!(
        provider.requests(),
        1,
        "while it may be under way, nobody asks"
    );
    drain(&mut post).await;
    let calls = calls(&post, "1").await;
    let attempts = &calls.iter().next().unwrap().attempts;
    assert_eq!(attempts.len(), 2);
    let again = attempts[1].sent.again.clone().unwrap();
    assert!(again.because.contains("its process has died"), "{again:?}");
    assert_eq!(provider.taken("1"), 500);
}

#[tokio::test]
async fn what_can_never_be_sent_fails_for_good_and_can_be_tried_again() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "odd", 500)]).await;
    post.settle().await;
    assert_eq!(
        post.types("gateway:payments-1").await,
        ["call-requested", "call-sent", "call-failed"]
    );
    assert_eq!(post.types("money-1").await, ["unreachable"]);
    assert_eq!(provider.requests(), 0);
    let service = crate::service();
    let caller = service.caller("payments").unwrap();
    let key = calls(&post, "1").await.iter().next().unwrap().key.clone();
    let stream = "gateway:payments-1".parse().unwrap();
    let recorder = post.recorder();
    let retried = async |call| retry(&recorder, caller, &stream, call).await.unwrap();
    assert_eq!(retried(Some("of nobody")).await, None);
    assert_eq!(retried(None).await, Some(vec![key.clone()]));
    assert_eq!(retried(Some(&key)).await, Some(vec![]), "it waits");
    post.settle().await;
    assert_eq!(
        post.types("gateway:payments-1").await[3..],
        ["call-retried", "call-sent", "call-failed"]
    );
    let failed = calls(&post, "1").await;
    assert!(matches!(
        failed.iter().next().unwrap().state,
        CallState::Failed { .. }
    ));
}
