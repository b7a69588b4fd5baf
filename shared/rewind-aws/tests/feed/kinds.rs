//! What is told, live: one change for a batch, in order, and nothing twice.

use crate::{
    domain::{ItemEvent, added, service, set, taken},
    scene::{Scene, delivery, target},
};
use rewind::reversal::Reversal;
use serde_json::json;

#[tokio::test]
async fn rows_come_change_and_go() {
    let scene = Scene::start().await;
    let projector = scene.projector(service::<1>());
    let run = async |events: &[ItemEvent]| {
        let events = scene.record("1", events).await;
        scene.project(&projector, &events).await;
        events
    };
    // Five events in one batch are one change.
    run(&[set(1), set(2), ItemEvent::Touched {}, set(4), set(5)]).await;
    run(&[ItemEvent::Touched {}]).await;
    run(&[set(6)]).await;
    // To and fro is none.
    run(&[set(7), set(6)]).await;
    run(&[ItemEvent::Removed {}]).await;
    run(&[ItemEvent::Touched {}]).await;
    let last = run(&[set(7)]).await;
    let expected = [
        ("item-insert", json!({"key": "1", "new": {"n": 5}})),
        (
            "item-update",
            json!({"key": "1", "old": {"n": 5}, "new": {"n": 6}}),
        ),
        ("item-delete", json!({"key": "1", "old": {"n": 6}})),
        ("item-insert", json!({"key": "1", "new": {"n": 7}})),
    ];
    let expected = expected.map(|(event_type, data)| (event_type.to_string(), data));
    assert_eq!(scene.told("changes:item-1").await, expected);
    let feed = scene.feed("changes:item-1").await;
    let told = &feed.last().unwrap().event;
    assert_eq!(told.source, "/rewind/feed/items");
    let place = format!("item-1@{}", last[0].version);
    assert_eq!(told.extension("causationid"), Some(&*place));
    assert_eq!(told.extension("correlationid"), Some(&*last[0].event.id));
    assert_eq!(scene.audit(service::<1>()).await, []);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn rows_that_streams_share_come_change_and_go() {
    let scene = Scene::start().await;
    let projector = scene.projector(service::<1>());
    let a = scene.record("a", &[added("g", 1), added("h", 5)]).await;
    let b = scene.record("b", &[added("g", 2)]).await;
    let projected = projector.project(&[delivery(&a), delivery(&b)]).await;
    assert!(projected.unwrap().failed.is_empty());
    let gone = scene.record("a", &[taken("g", 1), taken("h", 5)]).await;
    scene.project(&projector, &gone).await;
    let expected = [
        (
            "group-insert",
            json!({"key": "h", "new": {"count": 1, "sum": 5}}),
        ),
        (
            "group-delete",
            json!({"key": "h", "old": {"count": 1, "sum": 5}}),
        ),
    ];
    let expected = expected.map(|(event_type, data)| (event_type.to_string(), data));
    assert_eq!(scene.told("changes:group-h").await, expected);
    let told = scene.told("changes:group-g").await;
    assert_eq!(told.len(), 2, "{told:?}");
    let update = json!({
        "key": "g", "old": {"count": 2, "sum": 3}, "new": {"count": 1, "sum": 2},
    });
    assert_eq!(told[1], ("group-update".to_string(), update));
    assert_eq!(scene.audit(service::<1>()).await, []);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn repeats_and_reordered_deliveries_tell_nothing_twice() {
    let scene = Scene::start().await;
    let events = scene
        .record("1", &[set(1), added("g", 1), set(2), taken("g", 1), set(3)])
        .await;
    let batches: [&[_]; 5] = [
        &events[2..3],
        &events[0..2],
        &events[0..5],
        &events[3..4],
        &events[0..5],
    ];
    // Each by a process that remembers nothing.
    for batch in batches {
        scene.project(&scene.projector(service::<1>()), batch).await;
    }
    let items = scene.feed("changes:item-1").await;
    let groups = scene.recorded("changes:group-g").await;
    assert_eq!((items.len(), groups.len()), (2, 2), "{items:#?}");
    let services = service::<1>();
    for (name, key) in [("items", "1"), ("groups", "g")] {
        let projection = services.projection(name).unwrap();
        let believed = scene.believed(projection, [key.to_string()]).await;
        let row = scene.row(&target(name, 1), key).await;
        assert_eq!(believed.get(key), row.state.as_ref());
    }
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_deleted_row_stays_deleted_under_repeats_and_a_reversal_brings_it_back() {
    let scene = Scene::start().await;
    let projector = scene.projector(service::<1>());
    let events = scene.record("1", &[set(1), ItemEvent::Removed {}]).await;
    scene.project(&projector, &events).await;
    for again in [&events[..1], &events[1..], &events[..]] {
        scene.project(&scene.projector(service::<1>()), again).await;
    }
    let row = scene.row(&target("items", 1), "1").await;
    assert_eq!((row.state, row.watermark), (None, 2));
    assert_eq!(scene.told("changes:item-1").await, []);
    assert_eq!(scene.audit(service::<1>()).await, []);
    let named = &events[1];
    let reversal = Reversal {
        version: 2,
        source: named.event.source.clone(),
        id: named.event.id.clone(),
        reason: "a test".into(),
        by: "a test".into(),
    };
    let reversal = reversal.event(named, 0, named.event.time.clone());
    let reversal = scene.record_all(&[reversal]).await;
    scene.project(&projector, &reversal).await;
    let insert = ("item-insert".into(), json!({"key": "1", "new": {"n": 1}}));
    assert_eq!(scene.told("changes:item-1").await, [insert]);
    assert_eq!(scene.audit(service::<1>()).await, []);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn images_that_do_not_fit_stall_their_stream_with_what_to_do() {
    let scene = Scene::start().await;
    let projector = scene.projector(service::<1>());
    let grown = |bytes| ItemEvent::Grown { bytes };
    let events = scene.record("1", &[grown(150_000)]).await;
    scene.project(&projector, &events).await;
    // The one after it fits, and not both together.
    let events = scene.record("1", &[set(1), grown(150_001)]).await;
    let projected = projector.project(&[delivery(&events)]).await.unwrap();
    assert_eq!((projected.stalled, projected.failed.len()), (1, 0));
    let row = scene.row(&target("items", 1), "1").await;
    assert_eq!(row.watermark, 1);
    let stalled = row.stalled.unwrap();
    assert!(stalled.contains("keep less in a row"), "{stalled}");
    assert_eq!(scene.told("changes:item-1").await.len(), 1);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_projector_without_a_stream_to_tell_on_folds_nothing() {
    let scene = Scene::start().await;
    let events = scene.record("1", &[set(1)]).await;
    let (tables, data) = (scene.aws.events(), scene.aws.data());
    let mute = rewind_aws::project::projector::Projector::new(service::<1>(), tables, data);
    let projected = mute.project(&[delivery(&events)]).await.unwrap();
    assert!(projected.failed.contains_key(&0));
    scene.aws.system.stop().await;
}
