//! Orders, payments and shipments, which hear of each other through processes.

use super::running::{JSON, Running};
use crate::support::wait_for;
use serde_json::{Value, json};

fn order(id: &str) -> Value {
    json!({
        "applies": "now", "source": "web", "profile": "private", "order_id": id,
        "user_id": "ann", "lines": [{"product_id": "tea", "quantity": 2, "cents": 350}],
    })
}

async fn post(shop: &Running, source: &str, input: &Value) {
    let path = format!("/inputs/{source}");
    let posted = shop.client.post_ok(&path, JSON, input, 202);
    posted.await.unwrap();
}

/// Orders something at the present of the clock, and waits for the request of
/// its payment.
pub async fn place(shop: &Running, id: &str) {
    post(shop, "orders", &order(id)).await;
    let row = format!("/projections/payments/{id}");
    let row = wait_for(&shop.client, &row, |row| {
        row["state"]["status"] == "requested"
    });
    assert_eq!(row.await["state"]["cents"], 700);
    shop.settle(&format!("checkout-{id}"), 5).await;
}

/// An order that arrives.
pub async fn buys(shop: &Running) {
    place(shop, "7").await;
    let nothing = json!({});
    let deliver = ("deliver-shipment", "not-prepared");
    shop.rejected("shipment/7", deliver.0, &nothing, deliver.1)
        .await;
    shop.accepted("payment/7", "confirm-payment", &nothing)
        .await;
    assert_eq!(shop.types("shipment-7", 1).await, ["shipment-prepared"]);
    let carrier = json!({"carrier": "post"});
    shop.accepted("shipment/7", "dispatch-shipment", &carrier)
        .await;
    shop.types("order-7", 3).await;
    shop.accepted("shipment/7", "deliver-shipment", &nothing)
        .await;
    assert_eq!(
        shop.types("order-7", 4).await,
        [
            "order-opened",
            "order-paid",
            "order-dispatched",
            "order-delivered"
        ]
    );
    let cancel = ("cancel-order", "already-delivered");
    shop.rejected("order/7", cancel.0, &nothing, cancel.1).await;
    let steps = wait_for(&shop.client, "/projections/order-steps/7", |row| {
        let steps = row["state"].as_object();
        steps.is_some_and(|steps| steps.len() == 9)
    });
    assert_eq!(steps.await["state"]["order-opened"], "2026-01-01T09:00:00Z");
}

/// An order of a cart, which tells no price: no deadline, and whoever takes the
/// money says so.
pub async fn buys_a_cart(shop: &Running) {
    let input = json!({
        "type": "order-placed", "timestamp": "2023-04-19T09:30:00Z",
        "order_id": "789", "user_id": "456",
    });
    post(shop, "shop", &input).await;
    assert_eq!(shop.types("order-789", 1).await, ["order-opened"]);
    shop.accepted("order/789", "mark-order-paid", &json!({}))
        .await;
    assert_eq!(shop.types("shipment-789", 1).await, ["shipment-prepared"]);
}

/// Orders of 2026-01-01T09:00:00Z that come to nothing: one because its payment
/// fails, one because nobody pays, three days later.
pub async fn does_not_pay(shop: &Running) {
    place(shop, "8").await;
    place(shop, "9").await;
    let reason = json!({"reason": "no such card"});
    shop.accepted("payment/9", "fail-payment", &reason).await;
    assert_eq!(shop.types("order-9", 2).await[1], "order-cancelled");
    shop.settle("checkout-9", 8).await;
    assert_eq!(shop.turn("2026-01-04T08:59:59Z").await, 0);
    assert_eq!(shop.turn("2026-01-04T09:00:00Z").await, 1);
    let row = wait_for(&shop.client, "/projections/orders/8", |row| {
        row["state"]["status"] == "cancelled"
    });
    let because = &row.await["state"]["cancelled_because"];
    assert_eq!(because, &json!("payment-overdue"));
    // Money that comes after all goes back.
    shop.accepted("payment/8", "confirm-payment", &json!({}))
        .await;
    assert_eq!(
        shop.types("payment-8", 3).await,
        ["payment-requested", "payment-confirmed", "payment-refunded"]
    );
}

/// A raw order that lacks something is recorded, and told of; the whole order
/// comes after it.
pub async fn lacks_a_profile(shop: &Running) {
    let mut lacking = order("11");
    lacking.as_object_mut().unwrap().remove("profile");
    post(shop, "orders", &lacking).await;
    let health = wait_for(&shop.client, "/health", |health| {
        health["status"] == "stalled"
    });
    let stalled = &health.await["stalled"][0];
    assert_eq!(stalled["reader"], "adapter/orders", "{stalled}");
    let reason = stalled["reason"].as_str().unwrap();
    assert!(reason.contains("missing field `profile`"), "{reason}");
    post(shop, "orders", &order("11")).await;
    assert_eq!(shop.types("order-11", 1).await, ["order-opened"]);
}
