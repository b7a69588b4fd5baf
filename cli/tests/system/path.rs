//! The way of an event: from an HTTP request to a row, and again through a
//! playback.

use crate::support::{BATCH, EVENT, accept_unchecked_on, start, stream, vote, wait_for};
use local::State;
use rewind_aws::{aws::clock::now, wiring::Clients};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_goes_all_the_way_and_comes_back_through_a_playback() {
    let (system, client) = start(State::Ephemeral).await;
    // Raw inputs, mapped by the adapter.
    let inputs = [
        json!({"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "123", "user_id": "456"}),
        json!({"type": "product-removed-from-cart", "timestamp": "2023-04-19T09:15:00Z", "product_id": "123", "user_id": "456"}),
        json!({"type": "order-placed", "timestamp": "2023-04-19T09:30:00Z", "order_id": "789", "user_id": "456"}),
    ];
    for input in &inputs {
        client
            .post_ok("/inputs/shop", "application/json", input, 202)
            .await
            .unwrap();
    }
    let cart = wait_for(&client, "/projections/carts/456", |row| {
        row["watermark"] == 3
    })
    .await;
    assert_eq!(
        cart["state"],
        json!({"products": {}, "last_product_added": "123", "last_order": "789"})
    );
    let raw = stream(&client, "input:shop-456").await;
    let data: Vec<&Value> = raw.iter().map(|event| &event["data"]).collect();
    assert_eq!(data, inputs.iter().collect::<Vec<_>>());
    let facts = stream(&client, "cart-456").await;
    assert_eq!(facts[1]["type"], "product-removed-from-cart");
    assert_eq!(facts[1]["time"], "2023-04-19T09:15:00Z");
    assert_eq!(facts[1]["causationid"], "input:shop-456@2");
    let log = wait_for(&client, "/projections/user-log?prefix=456/", |log| {
        log["rows"].as_array().is_some_and(|rows| rows.len() == 3)
    });
    assert_eq!(log.await["rows"][2]["state"]["about"], "789");
    wait_for(&client, "/projections/products/123", |row| {
        row["state"] == json!({"added": 1, "removed": 1})
    })
    .await;
    wait_for(&client, "/streams/order-789", |body| {
        body["events"][0]["type"] == "order-opened"
    })
    .await;
    let order = wait_for(&client, "/projections/orders/789", |row| {
        row["state"].is_object()
    })
    .await;
    let user = order["state"]["user_id"].as_str().unwrap_or("nobody");
    let of_user = format!("/projections/orders?by=user&value={user}");
    let of_user = client.get_ok(&of_user).await.unwrap();
    let found = of_user["rows"].as_array().unwrap();
    assert_eq!(found.len(), usize::from(user != "nobody"), "{of_user}");

    // Facts, a repeat among them, and an event with a bad neighbour.
    let votes = json!([vote("poll-1", 1), vote("poll-1", 2), vote("poll-1", 1)]);
    client.post_ok("/events", BATCH, &votes, 202).await.unwrap();
    let mut bad = vote("poll-1", 3);
    bad["subject"] = "poll".into();
    let answer = client
        .post_ok("/events", BATCH, &json!([bad, vote("poll-1", 4)]), 207)
        .await;
    let answer = answer.unwrap();
    assert_eq!(answer["results"][0]["problem"]["field"], "subject");
    assert_eq!(answer["results"][1]["status"], 202);
    client
        .post_ok("/events", EVENT, &vote("poll-1", 2), 202)
        .await
        .unwrap();
    let sum = wait_for(&client, "/projections/basic-sum/1", |row| {
        row["watermark"] == 3
    })
    .await;
    assert_eq!(sum["state"]["total"], 3);

    // An id with other content is refused, and reported.
    let mut other = vote("poll-1", 1);
    other["data"]["choice"] = "salad".into();
    client.post_ok("/events", EVENT, &other, 202).await.unwrap();
    let conflict = wait_for(&client, "/streams/rewind-conflicts", |_| true).await;
    assert_eq!(conflict["events"][0]["data"]["id"], "poll-1/1");
    assert_eq!(stream(&client, "poll-1").await.len(), 3);

    // A rebuild, by hand and over HTTP.
    for generation in [2, 3] {
        let request = json!({"to": [{"projection": "carts"}, {"projection": "products"}]});
        if generation == 2 {
            let path = "/2015-03-31/functions/playback/invocations";
            let ended = client
                .post_ok(path, "application/json", &request, 200)
                .await
                .unwrap();
            assert_eq!(ended["state"], "completed", "{ended}");
        } else {
            let path = "/playbacks";
            let begun = client
                .post_ok(path, "application/json", &request, 202)
                .await
                .unwrap();
            let path = format!("/playbacks/{}", begun["id"].as_str().unwrap());
            let ended = wait_for(&client, &path, |playback| playback["state"] == "completed").await;
            assert_eq!(ended["events"], 3);
        }
        let rows = client.get("/projections/carts").await.unwrap().body;
        assert_eq!(rows["generation"], generation);
        assert_eq!(rows["rows"][0], cart);
        let product = client.get("/projections/products/123").await.unwrap().body;
        assert_eq!(product["state"], json!({"added": 1, "removed": 1}));
    }
    let health = client.get("/health").await.unwrap().body;
    assert_eq!(health["status"], "ok", "{health}");

    // A subscriber gets all there is, also what nobody here reads.
    let request = json!({"to": [{"subscriber": "warehouse"}], "dry_run": true});
    let path = "/2015-03-31/functions/playback/invocations";
    let ended = client
        .post_ok(path, "application/json", &request, 200)
        .await
        .unwrap();
    // Inputs, facts, votes, the order and the command that opened it, and the
    // report of a conflict.
    assert_eq!(
        (&ended["state"], &ended["events"]),
        (&json!("completed"), &json!(12)),
        "{ended}"
    );

    // A rebuild that the operator looks at first, and a rollback.
    let request = json!({"to": [{"projection": "basic-sum"}], "activate": "by-hand"});
    let path = "/2015-03-31/functions/playback/invocations";
    let ended = client
        .post_ok(path, "application/json", &request, 200)
        .await
        .unwrap();
    assert_eq!(ended["state"], "caught-up", "{ended}");
    for (generation, status) in [(3, 409), (2, 200), (2, 200), (1, 200)] {
        let path = "/projections/basic-sum/activate";
        let body = json!({"generation": generation}).to_string();
        let answer = client.post(path, "application/json", body).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
        let rows = client.get("/projections/basic-sum").await.unwrap().body;
        let serving = if status == 200 { generation } else { 1 };
        assert_eq!(rows["generation"], serving);
        assert_eq!(rows["rows"][0], sum);
    }
    let path = format!("/playbacks/{}", ended["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.unwrap().body["state"], "completed");

    // The past, folded on the fly.
    let then = client
        .get("/projections/basic-sum/1?at=2")
        .await
        .unwrap()
        .body;
    assert_eq!(
        (&then["watermark"], &then["state"]["total"]),
        (&json!(2), &json!(2))
    );
    let now = client
        .get(&format!("/projections/basic-sum/1?as_of={}", now()))
        .await
        .unwrap();
    assert_eq!(now.body, sum);
    for (moment, status) in [
        ("at=4", 404),
        ("at=0", 400),
        ("at=1&as_of=2023-04-19T09:00:00Z", 400),
        ("as_of=2023-04-19T09:00:00Z", 404),
        ("as_of=9023-04-19T09:00:00Z", 400),
        ("as_of=today", 400),
    ] {
        let answer = client
            .get(&format!("/projections/basic-sum/1?{moment}"))
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{moment}: {}", answer.body);
    }

    // Of a row that streams share as well: before the product was removed.
    let removed = stream(&client, "cart-456").await[1]["position"]
        .as_i64()
        .unwrap();
    let before = jiff::Timestamp::from_microsecond(removed - 1).unwrap();
    let as_of = |time: &dyn std::fmt::Display| format!("/projections/products/123?as_of={time}");
    let product = client.get_ok(&as_of(&before)).await.unwrap();
    assert_eq!(product["state"], json!({"added": 1, "removed": 0}));
    let present = rewind_aws::aws::clock::now();
    let product = client.get_ok(&as_of(&present)).await.unwrap();
    assert_eq!(product["state"], json!({"added": 1, "removed": 1}));
    for (moment, status) in [("at=1", 400), ("as_of=2023-04-19T09:00:00Z", 404)] {
        let answer = client
            .get(&format!("/projections/products/123?{moment}"))
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
    }

    // Without its data store, the next event of a stream brings its rows back.
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    let store = clients.data_store(system.table("DataTable").unwrap());
    assert!(store.delete_all().await.unwrap() > 10);
    assert_eq!(
        client.get("/projections/carts/456").await.unwrap().status,
        404
    );
    let added = json!({
        "id": "a", "source": "/test", "type": "product-added-to-cart", "subject": "cart-456",
        "data": {"product_id": "9"},
    });
    client.post_ok("/events", EVENT, &added, 202).await.unwrap();
    wait_for(&client, "/projections/carts/456", |row| {
        row["watermark"] == 4
    })
    .await;
    client
        .post_ok("/inputs/shop", "application/json", &inputs[0], 202)
        .await
        .unwrap();
    let cart = wait_for(&client, "/projections/carts/456", |row| {
        row["watermark"] == 5
    })
    .await;
    assert_eq!(cart["state"]["last_order"], "789");
    assert_eq!(cart["state"]["products"], json!({"123": 1, "9": 1}));
    assert_eq!(stream(&client, "order-789").await.len(), 1, "emitted twice");

    // A rebuild that meets an event which the projection refuses says so, and
    // readers keep what they had.
    let poison = json!({
        "id": "p", "source": "/test", "type": "order-placed", "subject": "cart-456",
        "time": "2023-04-19T10:00:00Z", "data": {},
    });
    let incoming = system.stream("IncomingStream").unwrap();
    accept_unchecked_on(&clients, &incoming, &poison).await;
    let health = wait_for(&client, "/health", |health| health["status"] == "stalled").await;
    assert_eq!(health["stalled"][0]["stream"], "cart-456");
    let request = json!({"to": [{"projection": "carts"}]});
    let path = "/2015-03-31/functions/playback/invocations";
    let ended = client
        .post_ok(path, "application/json", &request, 200)
        .await
        .unwrap();
    assert_eq!(ended["state"], "failed", "{ended}");
    let reason = ended["reason"].as_str().unwrap();
    assert!(reason.contains("version 6 of cart-456"), "{reason}");
    let rows = client.get("/projections/carts").await.unwrap().body;
    assert_eq!(rows["generation"], 1);
    assert_eq!(rows["rows"][0]["state"], cart["state"]);

    // To reverse the poisoned event lets everything go on. It is shown first.
    let path = "/streams/cart-456/events/6/reversal";
    for (path, body, status) in [
        (path, json!({"by": "ann"}), 422),
        (path, json!({"reason": " ", "by": "ann"}), 422),
        (path, json!({"reason": "no order"}), 422),
        (
            "/streams/cart-456/events/99/reversal",
            json!({"reason": "r", "by": "ann"}),
            404,
        ),
        (
            "/streams/cart-456/events/x/reversal",
            json!({"reason": "r", "by": "ann"}),
            422,
        ),
    ] {
        let answer = client
            .post(path, "application/json", body.to_string())
            .await
            .unwrap();
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let shown = json!({"reason": "no order", "by": "ann", "dry_run": true});
    let shown = client
        .post_ok(path, "application/json", &shown, 200)
        .await
        .unwrap();
    assert_eq!(shown["event"]["version"], 6, "{shown}");
    let reversal = json!({"reason": "no order", "by": "ann"});
    let accepted = client
        .post_ok(path, "application/json", &reversal, 202)
        .await
        .unwrap();
    assert_eq!(accepted["reverses"], 6);
    wait_for(&client, "/health", |health| health["status"] == "ok").await;
    let row = wait_for(&client, "/projections/carts/456", |row| {
        row["watermark"] == 7
    })
    .await;
    assert_eq!(row["state"], cart["state"]);
    let reversed = stream(&client, "cart-456").await.remove(6);
    assert_eq!(
        (&reversed["type"], &reversed["data"]["by"]),
        (&json!("reversed"), &json!("ann"))
    );
    let again = client
        .post(path, "application/json", reversal.to_string())
        .await
        .unwrap();
    assert_eq!(again.status, 409, "{}", again.body);
    let forged = json!({
        "id": "f", "source": "/rewind/reversal", "type": "reversed", "subject": "cart-456",
    });
    let answer = client
        .post("/events", EVENT, forged.to_string())
        .await
        .unwrap();
    assert_eq!(
        (answer.status, &answer.body["field"]),
        (422, &json!("source"))
    );

    // A schedule looks after deadlines and publishing; a command is decided, and
    // its repeat is answered alike.
    let path = "/2015-03-31/functions/microservice/invocations";
    let sweep = json!({"sweep": {}});
    let sweep = client.post_ok(path, "application/json", &sweep, 200);
    let swept = sweep.await.unwrap();
    assert_eq!(swept["fired"], 0, "{swept}");
    let create = json!({
        "type": "create-application", "id": "create-1",
        "data": {"owner": "ann", "name": "maps", "plan": "free"},
    });
    let path = "/commands/application/1";
    let first = client.post(path, "application/json", create.to_string());
    let first = first.await.unwrap();
    assert_eq!(first.status, 200, "{}", first.body);
    let again = client.post(path, "application/json", create.to_string());
    assert_eq!(again.await.unwrap().body, first.body);
    let known = client.get_ok("/commands/create-1").await.unwrap();
    assert_eq!(known["events"], first.body["events"]);
    let application = client.get_ok("/aggregates/application/1").await.unwrap();
    assert_eq!(application["state"]["active"]["name"], "maps");
    wait_for(&client, "/projections/applications/1?at_least=1", |row| {
        row["state"]["name"] == "maps"
    })
    .await;
    wait_for(&client, "/streams/process:campaigns-1", |body| {
        body["events"][1]["type"] == "deadline-set"
    })
    .await;
    wait_for(&client, "/health", |health| health["status"] == "ok").await;
    // Another engine does not tell the local system who has called it.
    if std::env::var_os("REWIND_ENDPOINT").is_none() {
        crate::template::every_permission_is_used(&system);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_input_that_the_adapter_refuses_stalls_only_its_own_partition() {
    let (system, client) = start(State::Ephemeral).await;
    let good = |user: &str| json!({"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "1", "user_id": user});
    let bad = json!({"type": "product-lost", "user_id": "sick"});
    for input in [bad, good("sick"), good("well")] {
        client
            .post_ok("/inputs/shop", "application/json", &input, 202)
            .await
            .unwrap();
    }
    wait_for(&client, "/projections/carts/well", |row| {
        row["watermark"] == 1
    })
    .await;
    let health = wait_for(&client, "/health", |health| health["status"] == "stalled").await;
    let stall = &health["stalled"][0];
    assert_eq!(stall["reader"], "adapter/shop");
    assert_eq!(stall["stream"], "input:shop-sick");
    assert_eq!(stall["version"], 1);
    let reason = stall["reason"].as_str().unwrap();
    assert!(reason.contains("`product-added-to-cart`"), "{stall}");
    assert!(!health.to_string().contains("product-lost"), "{health}");
    assert_eq!(
        client.get("/projections/carts/sick").await.unwrap().status,
        404
    );
    assert_eq!(
        stream(&client, "input:shop-sick").await.len(),
        2,
        "nothing is lost"
    );
    system.stop().await;
}
