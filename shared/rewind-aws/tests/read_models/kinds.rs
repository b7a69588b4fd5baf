//! Rows of each kind, live, repeated, reordered and reversed.

use crate::{
    domain::{self, measured},
    scene::{Scene, deliveries},
};
use rewind::Service;
use service::{
    poll::PollEvent,
    portal::application::{ApplicationEvent, Plan},
};

fn vote(user: &str, choice: &str) -> PollEvent {
    PollEvent::VoteCast {
        user: user.into(),
        choice: choice.into(),
    }
}

fn created(owner: &str) -> ApplicationEvent {
    ApplicationEvent::ApplicationCreated {
        owner: owner.into(),
        name: format!("{owner}'s \"app\"; DROP TABLE polls; --"),
        plan: Plan::Paid,
    }
}

fn added(product: &str) -> ApplicationEvent {
    ApplicationEvent::ApiProductAdded {
        product: product.into(),
    }
}

#[tokio::test]
async fn a_team_queries_and_joins_what_it_likes() {
    let scene = Scene::start().await;
    let service = service::service();
    let models = scene.models(&service);
    let lunch = [
        vote("ann", "chips"),
        vote("bob", "steak"),
        vote("ann", "steak"),
    ];
    let dinner = [vote("ann", "salad"), PollEvent::VotingStopped];
    let polls = [
        scene.record("lunch", &lunch).await,
        scene.record("dinner", &dinner).await,
    ];
    let portal = vec![
        scene
            .record("1", &[created("ann"), added("maps"), added("mail")])
            .await,
        scene.record("2", &[created("bob"), added("maps")]).await,
    ];
    scene.write(&service, &models, &deliveries(&polls)).await;
    scene.write(&service, &models, &deliveries(&portal)).await;
    scene.tend(&models).await;
    scene.assert_same(&service).await;
    let client = scene.server.client().await;
    let sql = "SELECT key, total, finished, votes->>'steak' FROM basic_sum ORDER BY total DESC";
    let rows = client.query(sql, &[]).await.unwrap();
    let lunch: (String, i64, bool) = (rows[0].get(0), rows[0].get(1), rows[0].get(2));
    assert_eq!(lunch, ("lunch".into(), 3, false));
    assert_eq!(rows[0].get::<_, Option<String>>(3).as_deref(), Some("2"));
    assert!(rows[1].get::<_, bool>(2));
    // Tables of the same database join.
    let sql = "SELECT a.owner, p.key, p.applications
        FROM applications a CROSS JOIN LATERAL jsonb_array_elements_text(a.products) AS product
        JOIN api_products p ON p.key = product
        WHERE a.is_paid ORDER BY a.owner, p.key";
    let rows = client.query(sql, &[]).await.unwrap().into_iter();
    let rows: Vec<(String, String, i64)> = rows
        .map(|row| (row.get(0), row.get(1), row.get(2)))
        .collect();
    let row = |owner: &str, product: &str, count| (owner.to_string(), product.to_string(), count);
    assert_eq!(
        rows,
        [
            row("ann", "mail", 1),
            row("ann", "maps", 2),
            row("bob", "maps", 2)
        ]
    );
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn repeats_and_reorderings_change_nothing() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    let first = scene
        .record("1", &[measured(1, "a"), measured(2, "b"), measured(3, "a")])
        .await;
    let second = scene.record("2", &[measured(4, "b")]).await;
    let last = scene.record("1", &[measured(5, "c")]).await;
    // The end comes first: what is before it is read from the events table.
    scene
        .write(&service, &models, &deliveries(std::slice::from_ref(&last)))
        .await;
    scene.assert_same(&service).await;
    for batch in [vec![first[1..].to_vec(), second], vec![first, last]] {
        for _ in 0..2 {
            scene.write(&service, &models, &deliveries(&batch)).await;
            scene.assert_same(&service).await;
        }
    }
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_reversed_event_leaves_both_databases() {
    let scene = Scene::start().await;
    let service: Service = service::service();
    let models = scene.models(&service);
    scene.tend(&models).await;
    let poll = scene
        .record(
            "1",
            &[
                vote("ann", "chips"),
                vote("ann", "steak"),
                PollEvent::VotingStopped,
            ],
        )
        .await;
    let application = scene.record("1", &[created("ann"), added("maps")]).await;
    scene
        .write(&service, &models, &deliveries(&[poll, application]))
        .await;
    for (stream, version) in [
        ("poll-1", 1),
        ("application-1", 2),
        ("application-1", 1),
        ("poll-1", 4),
    ] {
        let reversal = scene.reverse(stream, version).await;
        scene
            .write(&service, &models, &deliveries(&[reversal]))
            .await;
        scene.assert_same(&service).await;
    }
    scene.aws.system.stop().await;
}

#[tokio::test]
async fn a_deleted_row_is_none_and_stays_deleted() {
    let scene = Scene::start().await;
    let service = domain::service::<1>();
    let models = scene.models(&service);
    let events = scene
        .record("1", &[measured(1, "a"), domain::MeasureEvent::Erased])
        .await;
    for part in [&events[..1], &events[1..], &events[..]] {
        scene
            .write(&service, &models, &deliveries(&[part.to_vec()]))
            .await;
        scene.assert_same(&service).await;
    }
    let client = scene.server.client().await;
    let count = client
        .query_one("SELECT count(*) FROM rewind.measures_g1", &[])
        .await;
    assert_eq!(count.unwrap().get::<_, i64>(0), 0);
    let again = scene.record("1", &[measured(2, "a")]).await;
    scene.write(&service, &models, &deliveries(&[again])).await;
    scene.assert_same(&service).await;
    scene.aws.system.stop().await;
}

/// Rows of more shapes than the shipped ones have, in both declarations.
#[tokio::test]
async fn every_type_of_column_holds_what_the_row_says() {
    let scene = Scene::start().await;
    let service = domain::service::<2>();
    let models = scene.models(&service);
    let events = scene
        .record("1", &[measured(u64::MAX, "\u{1F600}\\'\"")])
        .await;
    let small = scene.record("2", &[measured(7, "")]).await;
    // `notes` refuses the large number; the rest is the other table's.
    models.fold(&deliveries(&[events, small])).await.unwrap();
    let client = scene.server.client().await;
    let sql =
        "SELECT n, half, is_large, day::text, \"all\"->>'n' FROM rewind.measures_g1 ORDER BY key";
    let rows = client.query(sql, &[]).await.unwrap();
    assert_eq!(rows[0].get::<_, String>(0), u64::MAX.to_string());
    assert_eq!(rows[0].get::<_, Option<bool>>(2), Some(true));
    assert_eq!(rows[0].get::<_, String>(4), u64::MAX.to_string());
    assert_eq!(rows[1].get::<_, f64>(1), 3.5);
    assert_eq!(rows[1].get::<_, Option<bool>>(2), None);
    assert!(
        rows[1]
            .get::<_, String>(3)
            .starts_with("1970-01-01 00:00:07")
    );
    scene.aws.system.stop().await;
}
