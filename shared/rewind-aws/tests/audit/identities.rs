//! Claims, and events that stand twice.

use crate::{scene::Scene, support::event};
use rewind::StreamName;
use rewind_aws::audit::report::Kind;

#[tokio::test]
async fn an_identity_that_nothing_claims_is_reported() {
    let scene = Scene::with_history().await;
    let free = event("count-1", "free", 1);
    scene.commit(13, &[free], |_| {}).await;
    scene.expect(&[(Kind::Unclaimed, "count-1@13")]).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_claim_of_something_else_is_reported() {
    let scene = Scene::with_history().await;
    let events = ["a", "b", "c"].map(|id| event("count-1", id, 1));
    let [content, place, later] = &events;
    scene
        .claim(content, |claim| claim.fingerprint = "other".into())
        .await;
    let elsewhere = StreamName::new("count-2").unwrap();
    scene.claim(place, |claim| claim.stream = elsewhere).await;
    scene.claim(later, |claim| claim.from = 16).await;
    scene.commit(13, &events, |_| {}).await;
    let expected = [13, 14, 15].map(|version| format!("count-1@{version}"));
    let expected = expected
        .each_ref()
        .map(|place| (Kind::ClaimDiffers, &**place));
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn an_event_that_stands_twice_is_reported_wherever_it_stands() {
    let scene = Scene::with_history().await;
    // In its own stream, in another stream, and in two streams unclaimed.
    scene
        .commit(13, &[event("count-1", "count-1/0/0", 0)], |_| {})
        .await;
    scene
        .commit(13, &[event("count-3", "count-2/1/1", 2)], |_| {})
        .await;
    scene
        .commit(1, &[event("count-7", "wild", 2)], |_| {})
        .await;
    scene
        .commit(1, &[event("count-8", "wild", 2)], |_| {})
        .await;
    let (counts, violations) = scene.audit().await;
    let twice = violations.iter().filter(|v| v.kind == Kind::RecordedTwice);
    let mut found: Vec<&str> = twice.map(|violation| violation.found.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found.len(), 3, "{violations:#?}");
    assert!(found[0].ends_with("at count-1@1, count-1@13"), "{found:?}");
    assert_eq!(found[1], "count-2/1/1 at count-3@13, count-2@6");
    assert!(found[2].starts_with("wild at count-"), "{found:?}");
    assert_eq!(counts.orphan_claims, 0);
    scene.aws.system.stop().await;
}
