//! What was recorded in one transaction: decisions, and runs of journals. One
//! claim stands for all of it.

use crate::{scene::Scene, support::event};
use rewind::{
    CloudEvent, Commit, Head, StreamName, commit,
    reserved::{
        COMMAND_ID, COMMAND_REJECTED, COMMAND_SOURCE, EVENT_TAKEN, UNKEYED_SOURCE, VALUE_CLAIMED,
    },
};
use rewind_aws::{
    audit::report::Kind,
    event_table::event_store::{OutcomeClaim, Place, Together},
};

const DUN: &str = "/rewind/process/dun";

/// The `nth` event that was decided for the command of a key.
fn decided(key: &str, nth: usize, stream: &str) -> CloudEvent {
    let mut event = event(stream, &format!("{key}/{nth}"), 1);
    event.source = COMMAND_SOURCE.into();
    event.extensions.insert(COMMAND_ID.into(), key.into());
    event
}

/// The first event of a run of a journal, or the `nth` thing that it does.
fn run(journal: &str, cause: &str, nth: Option<usize>) -> CloudEvent {
    let id = nth.map_or(cause.to_string(), |nth| format!("{cause}/{nth}"));
    let mut event = event(journal, &id, 1);
    event.source = DUN.into();
    event.event_type = EVENT_TAKEN.into();
    event
}

/// A claim of these commits, the first of which begins with this event.
fn claim(first: &CloudEvent, commits: &[(&str, u64)]) -> OutcomeClaim {
    let places = commits.iter().map(|(stream, version)| Place {
        stream: StreamName::new(*stream).unwrap(),
        version: *version,
    });
    OutcomeClaim {
        identity: first.identity(),
        fingerprint: first.fingerprint(),
        command: Some("what was asked".into()),
        commits: places.collect(),
    }
}

/// Records events together, those of each stream in a commit behind the version
/// that it has.
async fn record(scene: &Scene, streams: &[(u64, &[CloudEvent])], claim: Option<&OutcomeClaim>) {
    let commits = streams.iter().flat_map(|(version, events)| {
        let head = Head {
            version: *version,
            ..Head::default()
        };
        let events: Vec<&CloudEvent> = events.iter().collect();
        // Behind all that is recorded.
        commit::plan(head, &events, 4_000_000_000_000_000 + version)
    });
    let commits: Vec<Commit> = commits.collect();
    let commits: Vec<&Commit> = commits.iter().collect();
    let recorded = scene.aws.events().record_together(&commits, claim).await;
    assert_eq!(recorded, Together::Done);
}

#[tokio::test]
async fn decisions_and_runs_of_journals_that_one_claim_stands_for_are_clean() {
    let scene = Scene::with_history().await;
    let (own, other) = (
        [decided("k", 0, "count-1"), decided("k", 1, "count-1")],
        [decided("k", 2, "count-5")],
    );
    let mut value = decided("k", 3, "rewind:unique-v");
    value.event_type = VALUE_CLAIMED.into();
    let places = [("count-1", 13), ("count-5", 1), ("rewind:unique-v", 1)];
    let streams: [(u64, &[CloudEvent]); 3] = [(12, &own), (0, &other), (0, &[value])];
    record(&scene, &streams, Some(&claim(&own[0], &places))).await;
    let mut refused = decided("r", 0, "rewind:command-r");
    refused.event_type = COMMAND_REJECTED.into();
    let refusal = claim(&refused, &[("rewind:command-r", 1)]);
    record(&scene, &[(0, &[refused])], Some(&refusal)).await;
    let mut unkeyed = decided("u", 0, "count-6");
    unkeyed.source = UNKEYED_SOURCE.into();
    record(&scene, &[(0, &[unkeyed])], None).await;
    let runs = [
        run("process:dun-1", "count-1@13", None),
        run("process:dun-1", "count-1@13", Some(0)),
    ];
    let taken = claim(&runs[0], &[("process:dun-1", 1)]);
    record(&scene, &[(0, &runs)], Some(&taken)).await;
    // What a process emits comes in through pump, under its source.
    scene
        .happen(&[run("count-7", "process:dun-1@2", Some(0))])
        .await;
    let (counts, violations) = scene.audit().await;
    assert_eq!(violations, []);
    assert_eq!(counts.orphan_claims, 0);
    assert_eq!((counts.claims, counts.claimed_events), (36 + 4, 36 + 4));
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_decided_event_without_the_claim_of_its_outcome_is_reported() {
    let scene = Scene::with_history().await;
    let (own, other) = ([decided("k", 0, "count-1")], [decided("k", 1, "count-5")]);
    record(&scene, &[(12, &own), (0, &other)], None).await;
    let mut refused = decided("r", 0, "rewind:command-r");
    refused.event_type = COMMAND_REJECTED.into();
    record(&scene, &[(0, &[refused])], None).await;
    let expected = [
        (Kind::Unclaimed, "count-1@13"),
        (Kind::Unclaimed, "count-5@1"),
        (Kind::Unclaimed, "rewind:command-r@1"),
    ];
    let found = scene.expect(&expected).await;
    assert_eq!(found[0].expected.len(), "a claim #".len() + 43);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_claim_of_an_outcome_that_names_another_commit_is_reported() {
    let scene = Scene::with_history().await;
    // Another stream, a later commit, and one of two that are named.
    let elsewhere = [decided("a", 0, "count-1")];
    let places = [("count-2", 1)];
    record(
        &scene,
        &[(12, &elsewhere)],
        Some(&claim(&elsewhere[0], &places)),
    )
    .await;
    let earlier = [decided("b", 0, "count-2")];
    let places = [("count-2", 14)];
    record(
        &scene,
        &[(12, &earlier)],
        Some(&claim(&earlier[0], &places)),
    )
    .await;
    let (own, other) = ([decided("c", 0, "count-3")], [decided("c", 1, "count-5")]);
    let places = [("count-3", 13)];
    let streams: [(u64, &[CloudEvent]); 2] = [(12, &own), (0, &other)];
    record(&scene, &streams, Some(&claim(&own[0], &places))).await;
    let expected = [
        (Kind::ClaimDiffers, "count-1@13"),
        (Kind::ClaimDiffers, "count-2@13"),
        (Kind::ClaimDiffers, "count-5@1"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_second_outcome_of_a_key_is_reported() {
    let scene = Scene::with_history().await;
    let first = [decided("k", 0, "count-1")];
    let places = [("count-1", 13)];
    record(&scene, &[(12, &first)], Some(&claim(&first[0], &places))).await;
    record(&scene, &[(13, &first)], None).await;
    let mut refused = decided("k", 0, "rewind:command-k");
    refused.event_type = COMMAND_REJECTED.into();
    record(&scene, &[(0, &[refused])], None).await;
    let (_, violations) = scene.audit().await;
    let mut found: Vec<_> = violations.iter().map(|v| (v.kind, &*v.place)).collect();
    found.sort_unstable();
    let expected = [
        (Kind::ClaimDiffers, "rewind:command-k@1"),
        (Kind::RecordedTwice, "count-1@13"),
        (Kind::RecordedTwice, "rewind:command-k@1"),
    ];
    assert_eq!(found, expected, "{violations:#?}");
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_run_of_a_journal_without_its_claim_or_with_another_is_reported() {
    let scene = Scene::with_history().await;
    let unclaimed = [
        run("process:dun-1", "count-1@1", None),
        run("process:dun-1", "count-1@1", Some(0)),
    ];
    record(&scene, &[(0, &unclaimed)], None).await;
    let elsewhere = [
        run("process:dun-2", "count-2@1", None),
        run("process:dun-2", "count-2@1", Some(0)),
    ];
    let named = claim(&elsewhere[0], &[("process:dun-3", 1)]);
    record(&scene, &[(0, &elsewhere)], Some(&named)).await;
    let expected = [
        (Kind::Unclaimed, "process:dun-1@1"),
        (Kind::Unclaimed, "process:dun-1@2"),
        (Kind::ClaimDiffers, "process:dun-2@1"),
        (Kind::ClaimDiffers, "process:dun-2@2"),
    ];
    scene.expect(&expected).await;
    scene.aws.system.stop().await;
}
