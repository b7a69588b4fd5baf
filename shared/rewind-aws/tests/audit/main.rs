//! The auditor sees every kind of damage, and none where there is none.

mod commits;
mod identities;
mod index;
mod rows;
mod scene;
#[path = "../support/mod.rs"]
mod support;
mod together;

use rewind_aws::sequence::sequencer::Sequencer;
use scene::Scene;
use support::event;

#[tokio::test]
async fn a_clean_history_is_clean() {
    let scene = Scene::with_history().await;
    scene.rebuild("digits").await;
    scene.happen(&[event("count-4", "later", 7)]).await;
    let (counts, violations) = scene.audit().await;
    assert_eq!(violations, []);
    assert!(counts.is_clean());
    assert_eq!((counts.streams, counts.commits, counts.events), (4, 10, 37));
    assert_eq!((counts.claims, counts.orphan_claims), (37, 0));
    assert_eq!(counts.index_entries, 10);
    // Sums of four streams; digits 0 to 5 and 7; 7 again in the generation
    // that is built, whose first three streams wait for their playback.
    assert_eq!(counts.rows, 4 + 7 + 1);
    assert_eq!(counts.checkpoints, 4 + 1 + 4);
    assert_eq!((counts.lagging, counts.stalled), (3, 0));
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn lagging_and_stalled_streams_and_orphan_claims_are_counted_and_no_violation() {
    let scene = Scene::with_history().await;
    let unseen = [event("count-1", "unseen", 1)];
    Sequencer::new(scene.aws.events()).record(&unseen).await;
    scene.claim(&event("count-1", "never", 1), |_| {}).await;
    scene.happen(&[event("count-9", "beast", 666)]).await;
    let (counts, violations) = scene.audit().await;
    assert_eq!(violations, []);
    assert_eq!(counts.orphan_claims, 1);
    // Each of three readers lacks the unseen event, and one lacks the beast.
    assert_eq!((counts.lagging, counts.stalled), (4, 1));
    assert_eq!(counts.stall_reports, 1);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_system_at_work_is_clean_whenever_it_is_looked_at() {
    let scene = Scene::start().await;
    let work = async {
        for nth in 0..60 {
            let stream = format!("count-{}", nth % 7);
            let events = (0..5).map(|n| event(&stream, &format!("{nth}/{n}"), n));
            scene.happen(&events.collect::<Vec<_>>()).await;
        }
    };
    let look = async {
        for _ in 0..6 {
            let (_, violations) = scene.audit().await;
            assert_eq!(violations, []);
        }
    };
    futures::future::join(work, look).await;
    let (counts, violations) = scene.audit().await;
    assert_eq!(
        (violations.len(), counts.events, counts.lagging),
        (0, 300, 0)
    );
    scene.aws.system.stop().await;
}
