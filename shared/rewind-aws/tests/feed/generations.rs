//! Generations: a rebuild tells nothing, and the feed goes over to what serves
//! without a gap and without a repeat.

use crate::{
    domain::{ItemEvent, ONLY_FIRST, ONLY_LATER, added, service, set},
    scene::{Scene, believe, delivery, target},
};
use rewind::{Delivery, Receiver, RecordedEvent, Replay, Service, StreamName, Target};
use rewind_aws::{
    data_table::telling::Telling, generation::lifecycle, project::difference::Differences,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

/// Some items and groups, folded and told; and a generation of other code.
async fn rebuilt(scene: &Scene) -> (Vec<RecordedEvent>, Vec<Target>) {
    let mut events = Vec::new();
    for (id, n) in [("small", 1), ("large", 20), ("first", ONLY_FIRST)] {
        let new = [set(n), added("g", n), ItemEvent::Touched {}];
        events.extend(scene.record(id, &new).await);
    }
    events.extend(scene.record("later", &[set(ONLY_LATER)]).await);
    let projector = scene.projector(service::<1>());
    for event in &events {
        scene.project(&projector, std::slice::from_ref(event)).await;
    }
    let told = scene.pump().await;
    assert_eq!(told.0, told.1);
    let new = service::<2>();
    let projector = scene.projector(service::<2>());
    let mut targets = Vec::new();
    for projection in new.projections() {
        targets.push(scene.rebuild(&projector, projection, &events).await);
    }
    (events, targets)
}

fn replayed(to: &Target, events: &[RecordedEvent]) -> (usize, Delivery) {
    let delivery = Delivery {
        replay: Some(Replay::new("r", [Receiver::Projection(to.clone())])),
        events: events.to_vec(),
    };
    (0, delivery)
}

async fn state(scene: &Scene, target: &Target, key: &str) -> Option<Value> {
    scene.row(target, key).await.state
}

#[tokio::test]
async fn a_rebuild_and_a_replay_tell_nothing() {
    let scene = Scene::start().await;
    let (events, targets) = rebuilt(&scene).await;
    assert_eq!(scene.pump().await, (0, 0), "the rebuild has told something");
    assert_eq!(
        state(&scene, &targets[0], "large").await,
        Some(json!({"n": 40}))
    );
    // What is known already.
    let projector = scene.projector(service::<2>());
    let large = &events[3..6];
    let to = target("items", 1);
    let projected = projector.project(&[replayed(&to, large)]).await.unwrap();
    assert!(projected.failed.is_empty());
    let (_, new) = scene.pump().await;
    assert_eq!(new, 0);
    // A live event is told by what serves, and not by what is built.
    let live = scene.record("large", &[set(30)]).await;
    scene.project(&projector, &live).await;
    let feed = scene.feed("changes:item-large").await;
    assert_eq!(feed.len(), 2);
    assert_eq!(
        scene.row(&targets[0], "large").await.telling,
        Telling::Nobody
    );
    scene.aws.system.stop().await;
}

/// A consumer must not miss it for ever, whichever way it comes.
#[tokio::test]
async fn what_a_replay_brings_to_the_generation_that_serves_is_told() {
    let scene = Scene::start().await;
    let projector = scene.projector(service::<1>());
    let events = scene.record("1", &[set(1), set(2)]).await;
    // Its delivery is lost.
    let to = target("items", 1);
    let projected = projector.project(&[replayed(&to, &events)]).await.unwrap();
    assert!(projected.failed.is_empty());
    assert_eq!(scene.feed("changes:item-1").await.len(), 1);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn the_feed_goes_on_where_it_was_after_an_activation_and_a_rollback() {
    let scene = Scene::start().await;
    let (_, targets) = rebuilt(&scene).await;
    let projector = scene.projector(service::<2>());
    scene.activate(&targets[0]).await;
    scene.activate(&targets[1]).await;
    assert_eq!(scene.pump().await, (0, 0), "the activation tells nothing");
    let run = async |id: &str, event: ItemEvent| {
        let events = scene.record(id, &[event]).await;
        scene.project(&projector, &events).await;
        events
    };
    run("large", set(30)).await;
    run("small", added("g", 5)).await;
    run("new", set(50)).await;
    let told = scene.told("changes:item-large").await;
    // Told last was 20, by other code; the generation before is silent.
    let update = json!({"key": "large", "old": {"n": 20}, "new": {"n": 60}});
    assert_eq!(told[1..], [("item-update".to_string(), update)]);
    assert_eq!(
        scene.row(&target("items", 1), "large").await.telling,
        Telling::Elsewhere(2)
    );
    assert_eq!(scene.recorded("changes:item-new").await.len(), 1);
    assert_eq!(scene.recorded("changes:item-small").await.len(), 1);
    // And back.
    scene.activate(&target("items", 1)).await;
    scene.activate(&target("groups", 1)).await;
    run("large", set(3)).await;
    run("new", set(4)).await;
    run("large", added("g", 1)).await;
    scene.pump().await;
    let services = service::<2>();
    for (name, keys) in [("items", vec!["large", "new"]), ("groups", vec!["g"])] {
        let projection = services.projection(name).unwrap();
        let keys = keys.into_iter().map(ToString::to_string);
        for (key, row) in scene.believed(projection, keys).await {
            assert_eq!(Some(row), state(&scene, &target(name, 1), &key).await);
        }
    }
    scene.aws.system.stop().await;
}

/// A row that has handed the feed over finds the row that has it, whatever
/// generation that is, and goes on without one where it is gone.
#[tokio::test]
async fn the_feed_is_found_over_several_generations() {
    let scene = Scene::start().await;
    let (events, targets) = rebuilt(&scene).await;
    let projector = scene.projector(service::<2>());
    let (first, second) = (target("items", 1), targets[0].clone());
    let run = async |n: i64| {
        let events = scene.record("large", &[set(n)]).await;
        scene.project(&projector, &events).await;
        scene.pump().await;
    };
    let rebuild = async || {
        let services = service::<2>();
        let items = services.projection("items").unwrap();
        let mut history = events[3..6].to_vec();
        history.extend(scene.recorded("item-large").await.split_off(3));
        scene.rebuild(&projector, items, &history).await
    };
    // The second takes it, the first takes it back, and the second serves again
    // when the first is dropped.
    scene.activate(&second).await;
    run(1).await;
    scene.activate(&first).await;
    run(2).await;
    scene.activate(&second).await;
    lifecycle::drop(&scene.store(), &first).await.unwrap();
    run(3).await;
    assert!(scene.row(&second, "large").await.telling.tells());
    // The third never has it. The fourth takes it from the second, which is
    // dropped, through what the third does not know.
    let third = rebuild().await;
    scene.activate(&third).await;
    let fourth = rebuild().await;
    scene.activate(&fourth).await;
    run(4).await;
    // Back in the third, it comes from the fourth.
    scene.activate(&third).await;
    run(5).await;
    assert_eq!(
        scene.row(&fourth, "large").await.telling,
        Telling::Elsewhere(third.generation)
    );
    let stream = StreamName::new("changes:item-large").unwrap();
    let feed = scene.feed(stream.as_str()).await;
    assert_eq!(believe(&stream, &feed), Some(json!({"n": 5})));
    assert_eq!(feed.len(), 6);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_feed_survives_the_end_of_the_data_store() {
    let scene = Scene::start().await;
    let events = scene.record("1", &[set(1)]).await;
    let projector = scene.projector(service::<1>());
    scene.project(&projector, &events).await;
    scene.pump().await;
    scene.store().delete_all().await.unwrap();
    // The row is folded from its first event on, and what was told is known.
    let events = scene.record("1", &[set(2)]).await;
    scene
        .project(&scene.projector(service::<1>()), &events)
        .await;
    let feed = scene.feed("changes:item-1").await;
    let stream = StreamName::new("changes:item-1").unwrap();
    assert_eq!(believe(&stream, &feed), Some(json!({"n": 2})));
    assert_eq!(feed.len(), 2);
    scene.aws.system.stop().await;
}

/// Rows of the portal existed before anybody told of them.
#[tokio::test]
async fn a_feed_of_rows_that_were_there_begins_with_their_next_change() {
    let scene = Scene::start().await;
    let events = scene.record("1", &[set(1)]).await;
    let projector = scene.projector(service::<1>());
    scene.project(&projector, &events).await;
    // As if it had been folded without a feed.
    let key = rewind_aws::data_table::key::Key::row(&target("items", 1), "1");
    let mut row = scene.store().get(&key).await.unwrap().unwrap();
    row.telling = Telling::Nobody;
    scene.store().replace(&key, &row).await.unwrap();
    let events = scene.record("1", &[set(2)]).await;
    scene
        .project(&scene.projector(service::<1>()), &events)
        .await;
    let (came, _) = scene.pump().await;
    assert_eq!(came, 2);
    let told = scene.recorded("changes:item-1").await;
    let update = json!({"key": "1", "old": {"n": 1}, "new": {"n": 2}});
    assert_eq!(told.last().unwrap().data::<Value>().unwrap(), update);
    scene.aws.system.stop().await;
}

/// What an activation told, beside what live events had told before.
async fn told_by(scene: &Scene, targets: &[Target]) -> BTreeSet<(String, String)> {
    let mut told = BTreeSet::new();
    let mut all = Vec::new();
    let keys = [
        ("item", ["small", "large", "first", "later", "only"]),
        ("group", ["g", "g", "g", "g", "g"]),
    ];
    for (entity, keys) in keys {
        for key in keys.into_iter().collect::<BTreeSet<_>>() {
            all.extend(scene.recorded(&format!("changes:{entity}-{key}")).await);
        }
    }
    for event in all {
        let correlation = event.event.extension("correlationid").unwrap();
        if targets
            .iter()
            .any(|target| target.to_string() == correlation)
        {
            let event_type = event.event_type().to_string();
            assert!(told.insert((event_type, event.data::<Value>().unwrap().to_string())));
        }
    }
    told
}

fn differences(scene: &Scene, service: Service) -> Differences {
    scene.differences(service)
}

#[tokio::test]
async fn an_activation_tells_exactly_the_rows_that_differ_once_whatever_dies() {
    let scene = Scene::start().await;
    let (_, targets) = rebuilt(&scene).await;
    for target in &targets {
        let activated = lifecycle::activate_telling(&scene.store(), target).await;
        activated.unwrap();
    }
    let known = lifecycle::of(&scene.store(), "items").await.unwrap();
    assert!(known.telling);
    let back = lifecycle::activate(&scene.store(), &target("items", 1)).await;
    assert!(back.unwrap_err().to_string().contains("still being told"));
    let dropped = lifecycle::drop(&scene.store(), &target("items", 1)).await;
    assert!(
        dropped
            .unwrap_err()
            .to_string()
            .contains("still being told")
    );
    // An event comes meanwhile: the row says so with that.
    let projector = scene.projector(service::<2>());
    let live = scene.record("only", &[set(20)]).await;
    scene.project(&projector, &live).await;
    // One dies before anything is told.
    let (incoming, _) = scene.muted_stream().await;
    let (events, data) = (scene.aws.events(), scene.aws.data());
    let mute = Differences::new(service::<2>(), events, data, incoming);
    assert!(mute.tell(|| true).await.is_err());
    // Then each has time for a few pages.
    let mut turns = 0;
    loop {
        let pages = AtomicUsize::new(3);
        let has_time = || pages.fetch_sub(1, Ordering::SeqCst) > 1;
        turns += 1;
        if differences(&scene, service::<2>())
            .tell(has_time)
            .await
            .unwrap()
        {
            break;
        }
        assert!(turns < 50, "it does not end");
    }
    assert!(turns > 5, "{turns} turns");
    assert!(
        !lifecycle::of(&scene.store(), "items")
            .await
            .unwrap()
            .telling
    );
    // Once more is nothing more.
    let again = differences(&scene, service::<2>()).tell(|| true).await;
    assert!(again.unwrap());
    scene.pump().await;
    let expected = [
        (
            "item-update",
            json!({"key": "large", "old": {"n": 20}, "new": {"n": 40}}),
        ),
        (
            "item-delete",
            json!({"key": "first", "old": {"n": ONLY_FIRST}}),
        ),
        (
            "item-insert",
            json!({"key": "later", "new": {"n": ONLY_LATER}}),
        ),
        (
            "group-update",
            json!({"key": "g", "old": {"count": 3, "sum": 29}, "new": {"count": 3, "sum": 58}}),
        ),
    ];
    let told = told_by(&scene, &targets).await;
    let expected = expected.map(|(event_type, data)| (event_type.to_string(), data.to_string()));
    let told = told
        .into_iter()
        .map(|(kind, data)| (kind, data.to_string()));
    assert_eq!(told.collect::<BTreeSet<_>>(), expected.into());
    // Live events go on from there.
    let live = scene.record("large", &[set(1)]).await;
    let projected = projector.project(&[delivery(&live)]).await.unwrap();
    assert!(projected.failed.is_empty());
    scene.pump().await;
    let services = service::<2>();
    for (name, nth) in [("items", 0), ("groups", 1)] {
        let rows = scene.rows(&targets[nth]).await;
        let keys = rows.keys().cloned();
        let projection = services.projection(name).unwrap();
        let believed = scene.believed(projection, keys).await;
        let rows = rows
            .into_iter()
            .filter_map(|(key, row)| Some((key, row.state?)));
        assert_eq!(believed, rows.collect());
    }
    assert_eq!(scene.audit(service::<2>()).await, []);
    scene.aws.system.stop().await;
}
