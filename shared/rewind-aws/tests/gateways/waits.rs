//! Calls that wait: for the outside, for the one in front, for a configuration.

use crate::{calls, domain::OrderEvent, drain, event, outside, placed, post};
use provider::{Manner, Provider};
use rewind_aws::{gateway::waiting, outside::Outside};

#[tokio::test]
async fn what_is_not_configured_waits_and_costs_no_attempt() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.outside = Outside::none();
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    assert_eq!(post.types("gateway:payments-1").await, ["call-requested"]);
    let stream = "gateway:payments-1".parse().unwrap();
    let entry = waiting::read(&post.aws.data(), &stream)
        .await
        .unwrap()
        .unwrap();
    assert!(
        entry
            .waiting
            .reason
            .contains("GATEWAYS names no gateway payments"),
        "{entry:?}"
    );
    // Another call of the same order comes behind it, whoever looks.
    post.outside = outside(&provider);
    post.pump(&[event(
        "1",
        2,
        &OrderEvent::Placed {
            product: "car".into(),
            cents: 7,
        },
    )])
    .await;
    post.settle().await;
    assert_eq!(provider.requests(), 3, "two payments and a score");
    let states: Vec<_> = calls(&post, "1")
        .await
        .iter()
        .map(|call| call.attempts[0].version)
        .collect();
    assert!(states.is_sorted(), "{states:?}");
    drain(&mut post).await;
    assert_eq!(
        waiting::read(&post.aws.data(), &stream).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_call_that_waits_holds_up_its_own_key_alone() {
    let provider = Provider::start();
    provider.behaves(Manner {
        status: Some(503),
        retry_after: 8,
        ..Manner::default()
    });
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    provider.behaves(Manner::default());
    let car = OrderEvent::Placed {
        product: "car".into(),
        cents: 7,
    };
    post.pump(&[event("1", 2, &car), placed("2", "tea", 500)])
        .await;
    post.settle().await;
    assert_eq!(post.types("money-2").await, ["paid"]);
    assert_eq!(
        post.types("gateway:payments-1").await,
        ["call-requested", "call-sent", "call-requested"]
    );
    drain(&mut post).await;
    assert_eq!(provider.taken("1"), 507);
    let calls = calls(&post, "1").await;
    let mut calls = calls.iter();
    let (first, second) = (calls.next().unwrap(), calls.next().unwrap());
    let again = first.attempts[1].sent.again.clone().unwrap();
    assert!(again.because.contains("503"), "{again:?}");
    assert!(second.attempts[0].version > first.attempts[1].version);
}
