//! Versions, positions, and commits that can be read.

use crate::{scene::Scene, support::event};
use rewind_aws::audit::report::Kind;

#[tokio::test]
async fn a_missing_version_is_a_gap() {
    let scene = Scene::with_history().await;
    let late = event("count-1", "late", 1);
    scene.claim(&late, |_| {}).await;
    scene.commit(14, &[late], |_| {}).await;
    let found = scene.expect(&[(Kind::Gap, "count-1@14")]).await;
    assert_eq!(found[0].expected, "version 13");
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_stream_that_lacks_its_first_version_is_a_gap() {
    let scene = Scene::start().await;
    let late = event("count-1", "late", 1);
    scene.claim(&late, |_| {}).await;
    scene.commit(2, &[late], |_| {}).await;
    scene.expect(&[(Kind::Gap, "count-1@2")]).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_commit_inside_another_is_an_overlap() {
    let scene = Scene::start().await;
    scene
        .happen(&[1, 2, 3].map(|n| event("hoard-1", &n.to_string(), n)))
        .await;
    let second = event("hoard-1", "second", 1);
    scene.claim(&second, |_| {}).await;
    scene.commit(2, &[second], |_| {}).await;
    let (_, violations) = scene.audit().await;
    let kinds: Vec<Kind> = violations.iter().map(|violation| violation.kind).collect();
    assert!(kinds.contains(&Kind::Overlap), "{violations:#?}");
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_commit_that_cannot_be_read_is_reported() {
    let scene = Scene::with_history().await;
    let lost = event("count-1", "lost", 1);
    scene
        .commit(13, std::slice::from_ref(&lost), |commit| {
            commit.events = "[{]".into()
        })
        .await;
    scene
        .commit(14, std::slice::from_ref(&lost), |commit| commit.length = 2)
        .await;
    scene
        .commit(1, &[event("count-5", "lost", 1)], |commit| {
            commit.length = 0
        })
        .await;
    let expected = [
        (Kind::DamagedItem, "count-5@1"),
        (Kind::UnreadableCommit, "count-1@13"),
        (Kind::UnreadableCommit, "count-1@14"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_position_that_goes_back_is_reported() {
    let scene = Scene::with_history().await;
    let early = event("count-1", "early", 1);
    scene.claim(&early, |_| {}).await;
    scene
        .commit(13, &[early], |commit| commit.position = 5)
        .await;
    scene.expect(&[(Kind::PositionBack, "count-1@13")]).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_commit_that_the_index_does_not_name_in_its_slice_is_reported() {
    let scene = Scene::with_history().await;
    let events = ["a", "b"].map(|id| event("count-1", id, 1));
    for event in &events {
        scene.claim(event, |_| {}).await;
    }
    scene
        .commit(13, &events[..1], |commit| commit.slice = None)
        .await;
    scene
        .commit(14, &events[1..], |commit| {
            commit.slice = Some("count#77".into())
        })
        .await;
    let expected = [
        (Kind::WrongPartition, "count-1@13"),
        (Kind::WrongPartition, "count-1@14"),
    ];
    let found = scene.expect(&expected).await;
    assert_eq!((&*found[0].found, &*found[1].found), ("none", "count#77"));
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_commit_that_names_another_reversal_is_reported() {
    let scene = Scene::with_history().await;
    let events = ["a", "b", "c"].map(|id| event("count-1", id, 1));
    for event in &events {
        scene.claim(event, |_| {}).await;
    }
    // One of an older version says nothing, and what follows it is believed.
    for (version, reversal) in [(13, Some(7)), (14, None), (15, Some(0))] {
        let event = &events[version as usize - 13..][..1];
        scene
            .commit(version, event, |commit| commit.reversal = reversal)
            .await;
    }
    let found = scene.expect(&[(Kind::WrongReversal, "count-1@13")]).await;
    assert_eq!((&*found[0].expected, &*found[0].found), ("None", "At(7)"));
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_commit_that_forgets_how_far_a_source_has_counted_is_reported() {
    let scene = Scene::with_history().await;
    let numbered = |number: u64| event("count-1", &format!("#count-1/{number}"), 1);
    scene.happen(&[numbered(1), numbered(2)]).await;
    assert_eq!(scene.audit().await.1, []);
    // It needs no claim, and does not say so.
    scene.commit(15, &[numbered(3)], |_| {}).await;
    let found = scene.expect(&[(Kind::WrongNumbers, "count-1@15")]).await;
    assert!(found[0].expected.contains('3'), "{found:?}");
    // A number that is not new needs one.
    scene.commit(16, &[numbered(2)], |_| {}).await;
    let (_, violations) = scene.audit().await;
    let kinds: Vec<Kind> = violations.iter().map(|found| found.kind).collect();
    assert!(kinds.contains(&Kind::RecordedTwice), "{violations:?}");
    scene.aws.system.stop().await;
}
