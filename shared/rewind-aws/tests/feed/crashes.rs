//! Deaths between the write of a row and what is told of it.

use crate::{
    domain::{added, service, set, taken},
    scene::{Scene, delivery, target},
};
use futures::future::join_all;
use rewind::RecordedEvent;

/// Folds a batch, and dies before anything is told.
async fn die(scene: &Scene, events: &[RecordedEvent]) {
    let (mute, _) = scene.muted(service::<1>()).await;
    let projected = mute.project(&[delivery(events)]).await.unwrap();
    assert!(projected.failed.contains_key(&0), "it comes again");
    assert_eq!(scene.pump().await, (0, 0));
}

#[tokio::test]
async fn what_was_written_and_not_told_is_told_once_by_the_redelivery() {
    let scene = Scene::start().await;
    let events = scene.record("1", &[set(1), added("g", 1)]).await;
    die(&scene, &events).await;
    let row = scene.row(&target("items", 1), "1").await;
    assert_eq!(row.watermark, 2, "the row is written");
    // The redelivery finds nothing new, and tells all the same.
    scene
        .project(&scene.projector(service::<1>()), &events)
        .await;
    assert_eq!(scene.pump().await, (2, 2));
    assert_eq!(row, scene.row(&target("items", 1), "1").await);
    // Another process does not know that it was told, and its repeat is dropped.
    let other = scene.projector(service::<1>());
    scene.project(&other, &events).await;
    assert_eq!(scene.pump().await, (2, 0));
    // The same process does.
    scene.project(&other, &events).await;
    assert_eq!(scene.pump().await, (0, 0));
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn what_was_not_told_is_told_before_the_row_is_written_again() {
    let scene = Scene::start().await;
    let first = scene.record("1", &[set(1), added("g", 1)]).await;
    die(&scene, &first).await;
    // The next events come first: of the same stream, and of another one that
    // shares a row.
    let next = scene.record("1", &[set(2)]).await;
    let other = scene.record("2", &[added("g", 2)]).await;
    let projector = scene.projector(service::<1>());
    scene.project(&projector, &next).await;
    scene.project(&projector, &other).await;
    scene.project(&projector, &first).await;
    let services = service::<1>();
    for (name, key) in [("items", "1"), ("groups", "g")] {
        let feed = services.projection(name).unwrap();
        let feed = feed.changes_of(key).unwrap().unwrap();
        assert_eq!(scene.feed(feed.as_str()).await.len(), 2, "{feed}");
        let believed = scene.believed(services.projection(name).unwrap(), [key.to_string()]);
        let row = scene.row(&target(name, 1), key).await;
        assert_eq!(believed.await.get(key), row.state.as_ref());
    }
    scene.aws.system.stop().await;
}

/// A gap is read from the table: the delivery that comes again does not say
/// which rows it led to.
#[tokio::test]
async fn rows_behind_a_gap_are_told_as_well() {
    let scene = Scene::start().await;
    let events = scene
        .record(
            "1",
            &[added("g", 1), added("h", 1), added("i", 1), taken("i", 1)],
        )
        .await;
    die(&scene, &events[3..]).await;
    let projector = scene.projector(service::<1>());
    scene.project(&projector, &events[3..]).await;
    assert_eq!(scene.pump().await, (2, 2));
    assert_eq!(scene.recorded("changes:group-g").await.len(), 1);
    assert_eq!(scene.recorded("changes:group-i").await.len(), 0);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn rivals_on_one_row_tell_each_step_once() {
    let scene = Scene::start().await;
    let mut deliveries = Vec::new();
    for stream in 0..12 {
        let events: Vec<_> = (0..12)
            .flat_map(|n| [added("g", n), added("h", n), taken("g", n)])
            .collect();
        let events = scene.record(&stream.to_string(), &events).await;
        deliveries.extend(events.chunks(5).map(delivery));
    }
    let rivals = (0..3).map(|rival| {
        let projector = scene.projector(service::<1>());
        let mut mine = deliveries.clone();
        mine.rotate_left(rival * 20);
        async move {
            for batch in mine.chunks(9) {
                while !projector.project(batch).await.unwrap().failed.is_empty() {}
            }
        }
    });
    join_all(rivals).await;
    scene.pump().await;
    let services = service::<1>();
    let groups = services.projection("groups").unwrap();
    let believed = scene.believed(groups, ["g", "h"].map(Into::into)).await;
    let rows = scene.rows(&target("groups", 1)).await;
    assert_eq!(rows["g"].state, None);
    assert_eq!(believed.get("g"), None);
    assert_eq!(believed.get("h"), rows["h"].state.as_ref());
    assert_eq!(scene.audit(service::<1>()).await, []);
    scene.aws.system.stop().await;
}
