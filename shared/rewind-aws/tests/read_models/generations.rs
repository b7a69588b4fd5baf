//! Generations: built beside what serves, switched, rolled back and dropped;
//! and tables that come to history later.

use crate::{
    domain::{self, measured},
    scene::{Scene, deliveries},
};
use rewind::{RecordedEvent, Target};
use rewind_aws::generation::lifecycle;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_postgres::Client;

async fn history(scene: &Scene) -> Vec<RecordedEvent> {
    let mut events = Vec::new();
    for stream in 0..40 {
        let id = stream.to_string();
        events.extend(
            scene
                .record(&id, &[measured(stream + 1, "a"), measured(2, "b")])
                .await,
        );
    }
    events
}

async fn count(client: &Client, table: &str) -> Option<i64> {
    let row = client
        .query_one(&format!("SELECT count(*) FROM {table}"), &[])
        .await;
    row.ok().map(|row| row.get(0))
}

async fn columns(client: &Client) -> Vec<String> {
    let view = client.prepare("SELECT * FROM measures").await.unwrap();
    view.columns()
        .iter()
        .map(|column| column.name().to_string())
        .collect()
}

fn target(projection: &str, generation: u64) -> Target {
    Target {
        projection: projection.into(),
        generation,
    }
}

#[tokio::test]
async fn a_rebuild_is_switched_rolled_back_and_dropped() {
    let scene = Scene::start().await;
    let old = domain::service::<1>();
    let models = scene.models(&old);
    let events = history(&scene).await;
    let live: Vec<_> = events.chunks(7).map(<[_]>::to_vec).collect();
    scene.write(&old, &models, &deliveries(&live)).await;
    scene.tend(&models).await;
    let client = scene.server.client().await;
    assert_eq!(columns(&client).await, ["key", "n", "note", "order"]);
    // The next deployment declares other columns: a new generation has them.
    let new = domain::service::<2>();
    let models = scene.models(&new);
    for name in ["measures", "notes"] {
        let projection = new.projection(name).unwrap();
        let built = scene.rebuild((&new, &models), projection, &events).await;
        assert_eq!(built, target(name, 2));
        scene.tend(&models).await;
        assert_eq!(
            count(&client, name).await,
            Some(if name == "notes" { 3 } else { 40 })
        );
        assert_eq!(
            columns(&client).await.len(),
            if name == "notes" { 6 } else { 4 }
        );
        scene.activate(&built).await;
        assert_eq!(scene.tend(&models).await.switched, 1);
        assert_eq!(scene.tend(&models).await.switched, 0);
    }
    assert_eq!(
        columns(&client).await,
        ["key", "n", "half", "is_large", "day", "all"]
    );
    // Live events reach what serves and what is kept for a rollback.
    let more = scene.record("1", &[measured(3, "c")]).await;
    scene.write(&new, &models, &deliveries(&[more])).await;
    let notes = new.projection("notes").unwrap();
    for generation in [1, 2] {
        scene.assert_same_rows(&client, notes, generation).await;
    }
    let measures = new.projection("measures").unwrap();
    scene.assert_same_rows(&client, measures, 2).await;
    scene.activate(&target("notes", 1)).await;
    assert_eq!(scene.tend(&models).await.switched, 1);
    // What is dropped is gone.
    lifecycle::drop(&scene.store(), &target("notes", 2))
        .await
        .unwrap();
    scene.tend(&models).await;
    assert_eq!(count(&client, "rewind.notes_g2").await, None);
    assert_eq!(count(&client, "rewind.notes_g2_folds").await, None);
    assert_eq!(count(&client, "notes").await, Some(4));
    scene.aws.system.stop().await;
}

/// The data store has switched, and whoever should have let the view follow has
/// died; the server was away while half of the generation was built.
#[tokio::test]
async fn a_view_waits_until_its_generation_is_complete() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    let events = history(&scene).await;
    scene
        .write(
            &service,
            &models,
            &deliveries(std::slice::from_ref(&events)),
        )
        .await;
    scene.tend(&models).await;
    let notes = service.projection("notes").unwrap();
    let built = crate::support::open(&scene.store(), notes, "p", true)
        .await
        .unwrap();
    // The playback reached the data store alone.
    let projector = scene.projector(service.clone());
    projector.project(&deliveries(&[events])).await.unwrap();
    scene.activate(&built).await;
    let tended = models.tend(|| false).await.unwrap();
    assert!(tended.is_unfinished);
    let client = scene.server.client().await;
    let shown = async || {
        let sql = "SELECT generation FROM rewind.views WHERE name = 'notes'";
        client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    assert_eq!(shown().await, 1);
    scene.tend(&models).await;
    assert_eq!(shown().await, 2);
    scene.assert_same(&service).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_table_that_is_declared_later_gets_all_of_history() {
    let scene = Scene::start().await;
    let before = domain::service::<0>();
    let events = history(&scene).await;
    let projector = scene.projector(before);
    projector.project(&deliveries(&[events])).await.unwrap();
    let service = domain::service::<1>();
    let models = scene.models(&service);
    // Many invocations, each with little time.
    let mut invocations = 0;
    loop {
        let steps = AtomicUsize::new(0);
        let tended = models
            .tend(|| steps.fetch_add(1, Ordering::SeqCst) < 12)
            .await;
        if !tended.unwrap().is_unfinished {
            break;
        }
        invocations += 1;
        assert!(invocations < 100, "it goes on where it was");
    }
    assert!(invocations > 1);
    scene.assert_same(&service).await;
    let client = scene.server.client().await;
    assert_eq!(count(&client, "measures").await, Some(40));
    // A wiped database is filled again.
    client
        .batch_execute("DROP SCHEMA rewind CASCADE")
        .await
        .unwrap();
    scene.tend(&models).await;
    scene.assert_same(&service).await;
    assert_eq!(count(&client, "measures").await, Some(40));
    scene.aws.system.stop().await;
}
