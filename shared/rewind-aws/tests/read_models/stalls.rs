//! Stalls of PostgreSQL's own: a value that a column refuses stalls one stream
//! of one table, and nothing else.

use crate::{
    domain::{self, measured},
    scene::{Scene, deliveries},
};
use rewind::Target;
use rewind_aws::data_table::stall::{self, Stall};

async fn stalls(scene: &Scene) -> Vec<(String, String, u64)> {
    let (stalls, _) = stall::list(&scene.store(), None, None, 100).await.unwrap();
    let short = |stall: Stall| (stall.reader, stall.stream.to_string(), stall.version);
    stalls.into_iter().map(short).collect()
}

fn at(reader: &str, stream: &str, version: u64) -> (String, String, u64) {
    (reader.into(), stream.into(), version)
}

#[tokio::test]
async fn a_refused_value_stalls_its_own_stream_until_it_is_taken_back() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    // A text with NUL, and a number that bigint does not hold.
    let nul = scene
        .record("1", &[measured(1, "a"), measured(2, "\0")])
        .await;
    let large = scene
        .record("2", &[measured(1, "a"), measured(1 << 63, "b")])
        .await;
    let fine = scene.record("3", &[measured(5, "a")]).await;
    let batch = deliveries(&[nul, large, fine]);
    scene.write(&service, &models, &batch).await;
    let expected = [
        at("postgres/measures@1", "measure-1", 2),
        at("postgres/measures@1", "measure-2", 2),
        at("postgres/notes@1", "measure-1", 2),
        at("postgres/notes@1", "measure-2", 2),
    ];
    assert_eq!(stalls(&scene).await, expected);
    // The data store goes on, and so does the other stream.
    let target = Target {
        projection: "measures".into(),
        generation: 1,
    };
    assert_eq!(scene.rows(&target).await["1"]["count"], 2);
    let client = scene.server.client().await;
    let sql = "SELECT n FROM rewind.measures_g1 ORDER BY key";
    let shown = async || {
        let rows = client.query(sql, &[]).await.unwrap().into_iter();
        rows.map(|row| row.get(0)).collect::<Vec<i64>>()
    };
    assert_eq!(shown().await, [1, 1, 5]);
    // Repeats and tending change nothing.
    scene.write(&service, &models, &batch).await;
    assert_eq!(scene.tend(&models).await.stalled, 4);
    assert_eq!(stalls(&scene).await, expected);
    for stream in ["measure-1", "measure-2"] {
        let reversal = scene.reverse(stream, 2).await;
        scene
            .write(&service, &models, &deliveries(&[reversal]))
            .await;
    }
    assert_eq!(stalls(&scene).await, []);
    assert_eq!(shown().await, [1, 1, 5]);
    scene.assert_same(&service).await;
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_constraint_of_the_teams_stalls_until_it_is_dropped() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    let first = scene.record("1", &[measured(1, "a")]).await;
    scene.write(&service, &models, &deliveries(&[first])).await;
    let client = scene.server.client().await;
    let own = "ALTER TABLE rewind.measures_g1 ADD CONSTRAINT own CHECK (n < 10) NOT VALID";
    client.batch_execute(own).await.unwrap();
    let next = scene
        .record("1", &[measured(2, "a"), measured(10, "secret")])
        .await;
    scene.write(&service, &models, &deliveries(&[next])).await;
    assert_eq!(
        stalls(&scene).await,
        [at("postgres/measures@1", "measure-1", 3)]
    );
    let (reports, _) = stall::list(&scene.store(), None, None, 9).await.unwrap();
    assert!(reports[0].reason.contains("own"), "{}", reports[0].reason);
    assert!(
        !reports[0].reason.contains("secret"),
        "{}",
        reports[0].reason
    );
    client
        .batch_execute("ALTER TABLE rewind.measures_g1 DROP CONSTRAINT own")
        .await
        .unwrap();
    // No event comes: the next look at the tables goes on.
    scene.tend(&models).await;
    assert_eq!(stalls(&scene).await, []);
    scene.assert_same(&service).await;
    scene.aws.system.stop().await;
}

/// The report and the stall stand in two databases: whoever dies in between
/// leaves one without the other.
#[tokio::test]
async fn a_report_that_was_not_written_is_written_by_the_next_look() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    let nul = scene.record("1", &[measured(2, "\0")]).await;
    scene.write(&service, &models, &deliveries(&[nul])).await;
    let expected = stalls(&scene).await;
    assert_eq!(expected.len(), 2);
    for (reader, stream, _) in &expected {
        let stream = rewind::StreamName::new(stream.clone()).unwrap();
        stall::clear(&scene.store(), reader, &stream).await.unwrap();
    }
    scene.tend(&models).await;
    assert_eq!(stalls(&scene).await, expected);
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_the_table_stalls_until_the_rebuild() {
    let scene = Scene::start().await;
    let old = domain::service::<1>();
    let models = scene.models(&old);
    let events = scene.record("1", &[measured(1, "a")]).await;
    scene
        .write(&old, &models, &deliveries(std::slice::from_ref(&events)))
        .await;
    scene.tend(&models).await;
    let new = domain::service::<2>();
    let models = scene.models(&new);
    let more = scene.record("1", &[measured(20, "a")]).await;
    scene
        .write(&new, &models, &deliveries(std::slice::from_ref(&more)))
        .await;
    assert_eq!(
        stalls(&scene).await,
        [at("postgres/measures@1", "measure-1", 2)]
    );
    let all: Vec<_> = events.into_iter().chain(more).collect();
    let measures = new.projection("measures").unwrap();
    let built = scene.rebuild((&new, &models), measures, &all).await;
    scene.activate(&built).await;
    scene.tend(&models).await;
    let client = scene.server.client().await;
    scene.assert_same_rows(&client, measures, 2).await;
    let row = client
        .query_one("SELECT n, is_large FROM measures", &[])
        .await
        .unwrap();
    assert_eq!(
        (row.get::<_, String>(0).as_str(), row.get::<_, bool>(1)),
        ("20", true)
    );
    scene.aws.system.stop().await;
}
