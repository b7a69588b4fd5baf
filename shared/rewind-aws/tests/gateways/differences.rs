//! The story of a wrong price: what fixed code would have sent is compared with
//! what was sent, and exactly that is corrected, once.

use crate::{
    calls,
    domain::{DISCOUNT, ELSEWHERE, FOR_EVER, NEVER, OrderEvent, TWICE},
    drain, event, placed, post,
};
use provider::Provider;
use rewind_aws::{
    gateway::ledger,
    playback::{
        difference::{
            beside::beside,
            finding::{self, Finding, Kind},
        },
        player::{Ended, PlayError, Player},
        record::{Approval, Playback},
        request::{Destination, Policy, Request, ToMicroservice},
    },
};
use std::{
    collections::BTreeMap,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use crate::support::post::Post;

fn player(post: &Post) -> Player {
    let (events, data) = (post.aws.events(), post.aws.data());
    let replay = post.aws.stream("ReplayStream");
    Player::new(post.service.clone(), events, data, replay)
        .with_index_lag(Duration::from_millis(20))
        .with_incoming(post.aws.stream("IncomingStream"))
}

async fn play(post: &Post, id: &str) -> Playback {
    let until = Instant::now() + Duration::from_secs(60);
    match player(post).play(id, until).await.unwrap() {
        Ended::Over(playback) => *playback,
        Ended::Unfinished(playback) => panic!("{playback:?}"),
    }
}

/// What a comparison of the payments finds.
async fn compared(post: &Post, id: &str, policy: Policy) -> Vec<Finding> {
    let gateways = BTreeMap::from([("payments".to_string(), policy)]);
    let request = Request {
        to: vec![Destination {
            microservice: Some(ToMicroservice { gateways }),
            ..Destination::default()
        }],
        dry_run: true,
        ..Request::default()
    };
    player(post).create(id, &request).await.unwrap();
    let playback = play(post, id).await;
    let (found, next) = finding::page(&post.aws.data(), id, None, 100)
        .await
        .unwrap();
    assert_eq!(next, None);
    let requests: u64 = found
        .iter()
        .filter(|found| found.proposal.is_some())
        .map(|found| found.sends.len() as u64)
        .sum();
    assert_eq!(playback.found.unwrap().requests, requests);
    found
}

async fn approve(post: &mut Post, id: &str) {
    let approval = Approval {
        by: "ann".into(),
        record: false,
    };
    player(post).approve(id, &approval).await.unwrap();
    play(post, id).await;
    drain(post).await;
}

fn kinds(found: &[Finding]) -> Vec<(Kind, &str)> {
    let found = found.iter();
    found
        .map(|found| (found.kind, found.cause.as_str()))
        .collect()
}

/// What the ledger says beside each call of a key: what differs, and how many
/// requests a replay would send.
async fn replayed(post: &Post, key: &str) -> Vec<(Option<Kind>, usize)> {
    let events = post.aws.events();
    let log = format!("gateway:payments-{key}").parse().unwrap();
    let entries = ledger::of_log(&events, &log).await.unwrap();
    let caller = post.service.caller("payments").unwrap();
    let replayed = beside(&post.service, &events, caller, &entries).await;
    let replayed = replayed.unwrap().into_values();
    replayed
        .map(|replayed| (replayed.differs, replayed.sends.len()))
        .collect()
}

#[tokio::test]
async fn a_wrong_price_is_corrected_once_and_nothing_else_is_sent() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    for (id, product) in [("1", "tea"), ("2", "milk"), ("3", "tea")] {
        post.pump(&[placed(id, product, 500)]).await;
    }
    post.settle().await;
    assert_eq!(provider.requests(), 3);
    assert_eq!(compared(&post, "before", Policy::Difference).await, []);
    // The fixed code takes something off the price of tea.
    DISCOUNT.set(100);
    let found = compared(&post, "fix", Policy::Difference).await;
    assert_eq!(
        kinds(&found),
        [(Kind::Correct, "order-1@1"), (Kind::Correct, "order-3@1")]
    );
    assert_eq!(
        replayed(&post, "1").await,
        [(Some(Kind::Correct), 1)],
        "the ledger says the same"
    );
    assert_eq!(replayed(&post, "2").await, [(None, 0)]);
    assert_eq!(provider.requests(), 3, "to compare is to send nothing");
    approve(&mut post, "fix").await;
    assert_eq!(provider.requests(), 5);
    let taken = ["1", "2", "3"].map(|id| provider.taken(id));
    assert_eq!(taken, [400, 500, 400]);
    // Approved twice, compared twice: nothing.
    approve(&mut post, "fix").await;
    assert_eq!(compared(&post, "again", Policy::Difference).await, []);
    assert_eq!(replayed(&post, "1").await, [(None, 0)]);
    assert_eq!(provider.requests(), 5);
    // And back: the correction of a correction.
    DISCOUNT.set(0);
    let found = compared(&post, "back", Policy::Difference).await;
    assert_eq!(found.len(), 2);
    approve(&mut post, "back").await;
    DISCOUNT.set(100);
    compared(&post, "forth", Policy::Difference).await;
    approve(&mut post, "forth").await;
    let taken = ["1", "2", "3"].map(|id| provider.taken(id));
    assert_eq!(taken, [400, 500, 400]);
    let log = "gateway:payments-1".parse().unwrap();
    let entries = ledger::of_log(&post.aws.events(), &log).await.unwrap();
    let runs: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.corrects.as_ref())
        .map(|corrects| corrects.run.as_str())
        .collect();
    assert_eq!(runs, ["playback/fix", "playback/back", "playback/forth"]);
    assert!(entries.iter().all(|entry| entry.state == "done"));
}

#[tokio::test]
async fn a_call_that_should_not_have_been_is_undone_and_a_new_one_needs_leave() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    TWICE.set(true);
    let found = compared(&post, "new", Policy::Difference).await;
    assert_eq!(kinds(&found), [(Kind::New, "order-1@1")]);
    assert!(found[0].proposal.is_none(), "nobody has allowed it");
    approve(&mut post, "new").await;
    assert_eq!(provider.requests(), 1);
    compared(&post, "allowed", Policy::DifferenceAndNew).await;
    approve(&mut post, "allowed").await;
    assert_eq!(provider.taken("1"), 1000);
    let again = compared(&post, "again", Policy::DifferenceAndNew).await;
    assert_eq!(again, [], "it was called");
    TWICE.set(false);
    NEVER.set(true);
    let found = compared(&post, "never", Policy::Difference).await;
    assert_eq!(
        kinds(&found),
        [(Kind::Undo, "order-1@1"), (Kind::Undo, "order-1@1")]
    );
    approve(&mut post, "never").await;
    assert_eq!(provider.taken("1"), 0);
    assert_eq!(compared(&post, "over", Policy::Difference).await, []);
    // And it is asked for again: new, because nothing stands.
    NEVER.set(false);
    let found = compared(&post, "anew", Policy::DifferenceAndNew).await;
    assert_eq!(kinds(&found), [(Kind::New, "order-1@1")]);
    approve(&mut post, "anew").await;
    assert_eq!(provider.taken("1"), 500);
}

#[tokio::test]
async fn what_has_changed_since_it_was_approved_is_not_sent() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    DISCOUNT.set(100);
    compared(&post, "one", Policy::Difference).await;
    DISCOUNT.set(200);
    compared(&post, "two", Policy::Difference).await;
    approve(&mut post, "one").await;
    approve(&mut post, "two").await;
    assert_eq!(provider.taken("1"), 400, "one of the two, and once");
    assert_eq!(calls(&post, "1").await.iter().count(), 2);
    assert_eq!(post.conflicts.load(Ordering::SeqCst), 1, "and it is told");
}

#[tokio::test]
async fn a_reversed_event_is_compared_as_if_it_had_not_been() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[
        placed("1", "tea", 500),
        event("1", 2, &OrderEvent::Looked {}),
    ])
    .await;
    post.settle().await;
    let named = post.recorded("order-1").await[0].clone();
    let reversal = rewind::reversal::Reversal {
        version: 1,
        source: named.event.source.clone(),
        id: named.event.id.clone(),
        reason: "a slip".into(),
        by: "ann".into(),
    };
    let time = "2026-01-06T09:00:00Z".into();
    post.pump(&[reversal.event(&named, 0, time)]).await;
    post.settle().await;
    assert_eq!(provider.requests(), 1, "a reversal by itself sends nothing");
    // Whoever reverses it sees what it has led to, and may take it back at once.
    let stream = "order-1".parse().unwrap();
    let effects = player(&post).effects(&stream, 1).await.unwrap();
    assert_eq!(kinds(&effects), [(Kind::Undo, "order-1@1")]);
    assert_eq!(effects[0].sends.len(), 1);
    let looked = player(&post).effects(&stream, 2).await.unwrap();
    assert_eq!(looked, [], "it has led to nothing");
    let found = compared(&post, "undo", Policy::Difference).await;
    assert_eq!(kinds(&found), [(Kind::Undo, "order-1@1")]);
    approve(&mut post, "undo").await;
    assert_eq!(provider.taken("1"), 0);
}

#[tokio::test]
async fn what_an_event_has_led_to_is_undone_with_its_reversal_once() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    let stream = "order-1".parse().unwrap();
    let effects = player(&post).effects(&stream, 1).await.unwrap();
    for _ in 0..2 {
        player(&post).undo(effects.clone()).await.unwrap();
        drain(&mut post).await;
    }
    assert_eq!(provider.taken("1"), 0);
    assert_eq!(provider.requests(), 2);
    let log = "gateway:payments-1".parse().unwrap();
    let entries = ledger::of_log(&post.aws.events(), &log).await.unwrap();
    let corrects = entries[1].corrects.as_ref().unwrap();
    assert_eq!(corrects.run, "reversal/order-1@1");
    assert_eq!(player(&post).effects(&stream, 1).await.unwrap(), []);
}

#[tokio::test]
async fn what_cannot_be_taken_back_is_said_before_anything_is_reversed() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    let stream = "order-1".parse().unwrap();
    let revocable = || async {
        let effects = player(&post).revocable(&stream, 1).await;
        effects.map_err(|error| match error {
            PlayError::Refused(problem) => (problem.status, problem.detail),
            PlayError::Service(error) => panic!("{error}"),
        })
    };
    assert_eq!(
        kinds(&revocable().await.unwrap()),
        [(Kind::Undo, "order-1@1")]
    );
    FOR_EVER.set(true);
    let (status, why) = revocable().await.unwrap_err();
    assert_eq!(status, 409);
    assert!(
        why.contains("of payments cannot be taken back: no money back"),
        "{why}"
    );
    let looked = player(&post).effects(&stream, 1).await.unwrap();
    assert_eq!(kinds(&looked), [(Kind::Open, "order-1@1")]);
}

#[tokio::test]
async fn nothing_but_what_was_approved_is_sent() {
    let provider = Provider::start();
    let mut post = post(&provider).await;
    post.pump(&[placed("1", "tea", 500)]).await;
    post.settle().await;
    DISCOUNT.set(100);
    compared(&post, "one", Policy::Difference).await;
    // Another version of the gateway is deployed before the list is approved.
    ELSEWHERE.set(true);
    approve(&mut post, "one").await;
    assert_eq!(provider.requests(), 1);
    let log = "gateway:payments-1".parse().unwrap();
    let entries = ledger::of_log(&post.aws.events(), &log).await.unwrap();
    assert_eq!(entries[1].state, "failed");
    let reason = entries[1].reason.as_deref().unwrap();
    assert!(reason.contains("other requests than those"), "{reason}");
    // What has failed can be compared anew.
    let found = compared(&post, "two", Policy::Difference).await;
    assert_eq!(kinds(&found), [(Kind::Correct, "order-1@1")]);
    approve(&mut post, "two").await;
    assert_eq!(provider.taken("1"), 400);
}
