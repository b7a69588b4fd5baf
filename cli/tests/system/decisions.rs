//! The portal and the shop over HTTP, in one system with a clock that is turned
//! by hand: decisions, credentials, plans, orders and payments with deadlines, a
//! rebuild, an audit.

mod running;
mod shop;

use crate::support::{stream, wait_for};
use running::Running;
use serde_json::json;
use std::process::Command;

/// What a campaign has begun, once it is so much.
async fn begun(portal: &Running, id: &str, count: usize) -> Vec<String> {
    portal.types(&format!("campaign-{id}"), count).await;
    let events = stream(&portal.client, &format!("campaign-{id}")).await;
    events
        .iter()
        .map(|event| format!("{} {}", event["type"], event["data"]["reason"]).replace('"', ""))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn portal_and_shop_decide_wait_and_reach_their_deadlines() {
    let dir = tempfile::tempdir().unwrap();
    let portal = Running::start(dir.path(), "2026-01-01T09:00:00Z");
    let create = |name: &str, plan: &str| json!({"owner": "ann", "name": name, "plan": plan});

    // Decided at once, and the row is waited for.
    let created = portal
        .accepted(
            "application/1",
            "create-application",
            &create("weather", "free"),
        )
        .await;
    assert_eq!(created["events"][0]["time"], "2026-01-01T09:00:00Z");
    let row = portal
        .client
        .get_ok("/projections/applications/1?at_least=1");
    assert_eq!(row.await.unwrap()["state"]["name"], "weather");
    let taken = create("weather", "paid");
    portal
        .rejected("application/2", "create-application", &taken, "name-taken")
        .await;
    portal
        .accepted(
            "application/2",
            "create-application",
            &create("maps", "paid"),
        )
        .await;
    let product = json!({"product": "tiles"});
    portal
        .accepted("application/1", "add-api-product", &product)
        .await;
    portal
        .rejected(
            "application/1",
            "add-api-product",
            &product,
            "product-already-added",
        )
        .await;

    // A key has one outcome, for ever.
    let command = json!({
        "type": "generate-credential", "id": "gen-1",
        "data": {"credential": "key", "expires": "2026-01-20T00:00:00Z"},
    });
    let first = portal.send("application/1", &command).await;
    assert_eq!(first.0, 200, "{}", first.1);
    assert_eq!(portal.send("application/1", &command).await, first);
    let known = portal.client.get_ok("/commands/gen-1").await.unwrap();
    assert_eq!(known["events"], first.1["events"]);

    // Later: the answer says where the outcome will be.
    let data = r#"{"type":"change-plan","data":{"plan":"free"},"id":"later-1"}"#;
    let mut curl = Command::new("curl");
    curl.args(["-sS", "-i", "-H", "content-type: application/json"]);
    curl.args(["-H", "prefer: respond-async", "-d", data]);
    let curl = curl
        .arg(format!("{}/commands/application/2", portal.url))
        .output();
    let said = String::from_utf8(curl.unwrap().stdout)
        .unwrap()
        .to_lowercase();
    assert!(said.starts_with("http/1.1 202"), "{said}");
    assert!(said.contains("location: /commands/later-1"), "{said}");
    let outcome = wait_for(&portal.client, "/commands/later-1", |body| {
        body["outcome"] != "pending"
    });
    assert_eq!(outcome.await["outcome"], "applied");
    portal
        .accepted("application/2", "change-plan", &json!({"plan": "paid"}))
        .await;

    // What it would take now.
    let asked = "/aggregates/application/1?type=change-plan&data=%7B%22plan%22:%22free%22%7D";
    let asked = portal.client.get_ok(asked).await.unwrap();
    assert_eq!(asked["commands"][0]["rejection"]["name"], "same-plan");

    shop::buys(&portal).await;
    shop::buys_a_cart(&portal).await;
    shop::does_not_pay(&portal).await;

    // The credential expires, then the plan has been free for 30 days.
    portal.settle("credentials-1", 2).await;
    portal.settle("campaigns-1", 2).await;
    portal.settle("campaigns-2", 6).await;
    assert_eq!(portal.turn("2026-01-19T23:59:59Z").await, 0);
    assert_eq!(portal.turn("2026-01-20T00:00:00Z").await, 1);
    wait_for(&portal.client, "/projections/applications/1", |row| {
        row["state"]["credentials"]["key"] == json!(false)
    })
    .await;
    assert_eq!(portal.turn("2026-01-31T09:00:00Z").await, 1);
    assert_eq!(begun(&portal, "1", 1).await, ["campaign-started long-free"]);
    // A removed product starts a survey, and on a free plan an offer.
    portal
        .accepted("application/1", "remove-api-product", &product)
        .await;
    assert_eq!(
        begun(&portal, "1", 3).await[1..],
        [
            "survey-started product-removed",
            "offer-made product-removed"
        ]
    );

    // Processes are wiped and made again: nothing is begun twice, and what is
    // due stays due.
    shop::place(&portal, "10").await;
    portal.rebuild_processes().await;
    assert_eq!(portal.turn("2026-02-03T09:00:00Z").await, 1, "an order");
    assert_eq!(portal.types("order-10", 2).await[1], "order-cancelled");
    assert_eq!(portal.types("order-8", 2).await.len(), 2);
    assert_eq!(portal.turn("2026-03-31T00:00:00Z").await, 0);
    assert_eq!(portal.turn("2026-04-01T09:00:00Z").await, 1, "three months");
    assert_eq!(begun(&portal, "2", 1).await, ["survey-started long-paid"]);
    assert_eq!(begun(&portal, "1", 3).await.len(), 3);
    assert_eq!(portal.turn("2030-01-01T00:00:00Z").await, 0);

    shop::lacks_a_profile(&portal).await;
    portal.verify();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn facts_of_a_decided_category_are_pointed_to_commands() {
    let dir = tempfile::tempdir().unwrap();
    let portal = Running::start(dir.path(), "2026-01-01T09:00:00Z");
    let event = json!({
        "specversion": "1.0", "id": "1", "source": "/test", "type": "plan-changed",
        "subject": "application-1", "data": {"plan": "free"},
    });
    let answer = portal
        .client
        .post("/events", "application/cloudevents+json", event.to_string())
        .await
        .unwrap();
    assert_eq!(answer.status, 422);
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        detail.contains("POST /commands/application/{id}"),
        "{detail}"
    );
}
