//! A server that is down holds up nothing but itself.

use crate::{
    domain::{self, measured},
    scene::{Scene, deliveries},
};
use rewind::StreamName;
use rewind_aws::{
    audit::health::{self, Scope, Status},
    data_table::behind,
};
use std::{collections::BTreeSet, time::Duration};

#[tokio::test]
async fn a_dead_server_holds_up_no_row_and_catches_up_later() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    let before = scene.record("1", &[measured(1, "a")]).await;
    scene.write(&service, &models, &deliveries(&[before])).await;
    scene.server.kill();
    let events = scene.record("1", &[measured(2, "b")]).await;
    let others = scene.record("2", &[measured(3, "b")]).await;
    let batch = deliveries(&[events, others]);
    let kept = models.fold(&batch).await.unwrap();
    assert_eq!(kept.behind, 2);
    scene.write(&service, &models, &batch).await;
    assert!(models.tend(|| true).await.is_err());
    let incoming = scene.aws.stream("IncomingStream");
    let (events, store) = (scene.aws.events(), scene.store());
    let health = health::look(Scope {
        service: &service,
        events: &events,
        store: &store,
        incoming: &incoming,
        patience: Duration::ZERO,
    });
    let health = health.await.unwrap();
    assert_eq!(health.status, Status::Behind);
    let lag = health.readers.iter().find(|lag| lag.reader == "postgres");
    assert_eq!(lag.unwrap().events, 2, "{:?}", health.why);
    scene.server.begin();
    let tended = scene.tend(&models).await;
    assert_eq!(tended.caught_up, 2);
    scene.assert_same(&service).await;
    assert_eq!(scene.tend(&models).await.caught_up, 0);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_delivery_behind_a_gap_needs_no_list() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    scene.server.kill();
    let missed = scene.record("1", &[measured(1, "a")]).await;
    assert_eq!(models.fold(&deliveries(&[missed])).await.unwrap().behind, 1);
    scene.server.begin();
    let next = scene.record("1", &[measured(2, "a")]).await;
    for _ in 0..50 {
        let kept = models
            .fold(&deliveries(std::slice::from_ref(&next)))
            .await
            .unwrap();
        if kept.behind == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let projector = scene.projector(service.clone());
    projector.project(&deliveries(&[next])).await.unwrap();
    scene.assert_same(&service).await;
    assert_eq!(scene.tend(&models).await.caught_up, 1);
    scene.assert_same(&service).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn who_has_caught_up_takes_off_the_list_only_the_mark_that_it_has_read() {
    let scene = Scene::start().await;
    let store = scene.store();
    let stream = StreamName::new("measure-1").unwrap();
    let streams = BTreeSet::from([&stream]);
    let listed = async || behind::list(&store, "postgres", None, 9).await.unwrap().0;
    behind::mark(&store, "postgres", &streams).await.unwrap();
    let read = listed().await.remove(0);
    // Somebody else catches up and takes it off; then the server dies again.
    behind::clear(&store, &read).await.unwrap();
    assert!(listed().await.is_empty());
    behind::mark(&store, "postgres", &streams).await.unwrap();
    behind::clear(&store, &read).await.unwrap();
    assert_eq!(listed().await.len(), 1);
    // A mark that is renewed keeps its time.
    let since = listed().await.remove(0).behind.since;
    tokio::time::sleep(Duration::from_millis(20)).await;
    behind::mark(&store, "postgres", &streams).await.unwrap();
    assert_eq!(listed().await.remove(0).behind.since, since);
    scene.aws.system.stop().await;
}
