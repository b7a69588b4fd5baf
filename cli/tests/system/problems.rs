//! Bad requests over HTTP: each gets a problem, and changes nothing.

use crate::support::{EVENT, start, stream, vote, wait_for};
use local::State;
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_requests_get_problems_and_change_nothing() {
    let (system, client) = start(State::Ephemeral).await;
    let deep = format!(
        "{{\"id\":\"1\",\"source\":\"/t\",\"type\":\"t\",\"subject\":\"poll-1\",\"data\":{}1{}}}",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    let large = json!({"id": "1", "source": "/t", "type": "t", "subject": "poll-1", "data": "x".repeat(300_000)});
    let posts = [
        ("/events", EVENT, "{".to_string(), 400),
        ("/events", EVENT, deep, 422),
        ("/events", EVENT, large.to_string(), 413),
        ("/events", "text/plain", "hello".into(), 415),
        ("/events", EVENT, "x".repeat(11_000_000), 413),
        ("/inputs/nobody", "application/json", "{}".into(), 404),
        ("/nowhere", "application/json", "{}".into(), 404),
        ("/health", "application/json", "{}".into(), 405),
        ("/playbacks", "application/json", "{".into(), 400),
        ("/playbacks", "application/json", "{}".into(), 422),
        ("/playbacks", "application/json", "{\"to\":[]}".into(), 422),
        (
            "/playbacks",
            "application/json",
            "{\"to\":[{\"projection\":\"nobody\"}]}".into(),
            422,
        ),
        (
            "/playbacks",
            "application/json",
            "{\"to\":[{\"projection\":\"carts\"},{\"projection\":\"carts\"}]}".into(),
            422,
        ),
        (
            "/playbacks",
            "application/json",
            "{\"to\":[{\"projection\":\"carts\"}],\"colour\":1}".into(),
            422,
        ),
    ];
    for (path, media, body, status) in posts {
        let answer = client.post(path, media, body).await.unwrap();
        assert_eq!(answer.status, status, "POST {path}: {}", answer.body);
        assert_eq!(
            answer.body["status"], status,
            "POST {path}: {}",
            answer.body
        );
        assert!(
            answer.body["detail"].is_string(),
            "POST {path}: {}",
            answer.body
        );
    }
    let gets = [
        ("/streams/nodash", 422),
        ("/streams/poll-nobody", 404),
        ("/streams/poll-1?limit=0", 400),
        ("/streams/poll-1?from=x", 400),
        ("/projections/nobody", 404),
        ("/projections/carts/nobody", 404),
        ("/projections/carts?cursor=zzz", 400),
        ("/projections/carts?at=1", 400),
        ("/projections/carts?limit=1&limit=2", 400),
        ("/projections/carts/compare", 404),
        ("/comparisons/carts?c=1", 400),
        ("/health?verbose", 400),
        ("/playbacks/nobody", 404),
        (&format!("/playbacks/{}", "x".repeat(1025)), 422),
        ("/events?after=then", 400),
        ("/commands/poll/1", 405),
    ];
    for (path, status) in gets {
        let answer = client.get(path).await.unwrap();
        assert_eq!(answer.status, status, "GET {path}: {}", answer.body);
        assert_eq!(answer.body["status"], status, "GET {path}: {}", answer.body);
    }
    // A refused request by hand is a function error that says why.
    let by_hand = json!({"to": [{"projection": "nobody"}]}).to_string();
    let path = "/2015-03-31/functions/playback/invocations";
    let answer = client
        .post(path, "application/json", by_hand)
        .await
        .unwrap();
    assert_eq!(answer.body["errorType"], "urn:rewind:problem:invalid-field");
    let message = answer.body["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("there are") && message.contains("basic-sum"),
        "{message}"
    );

    client
        .post_ok("/events", EVENT, &vote("poll-1", 1), 202)
        .await
        .unwrap();
    crate::support::wait_for(&client, "/streams/poll-1", |_| true).await;
    assert_eq!(stream(&client, "poll-1").await.len(), 1);
    let projections = client.get("/projections").await.unwrap().body;
    for projection in projections["projections"].as_array().unwrap() {
        assert_eq!(projection["generations"]["latest"], 1, "{projection}");
    }
    system.stop().await;
}

/// Percent-encodes a whole text, so that no character has a meaning in a URL.
fn encoded(text: &str) -> String {
    let bytes = text.bytes().map(|byte| format!("%{byte:02X}"));
    bytes.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_any_key_is_read_through_the_gateway() {
    let (system, client) = start(State::Ephemeral).await;
    let keys = [
        "compare",
        "activate",
        "a/b",
        "a//b",
        "/x",
        "x/",
        "..",
        "a b+c",
        "a%2Fb",
        "a?b=c&d#e",
        "日本 é",
        "\u{1f600}",
        "\0",
        "a\nb",
    ];
    for key in keys {
        let input = json!({
            "type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z",
            "product_id": key, "user_id": "456",
        });
        client
            .post_ok("/inputs/shop", "application/json", &input, 202)
            .await
            .unwrap();
    }
    for key in keys {
        let encoded = encoded(key);
        let by_key = format!("/projections/products?key={encoded}");
        let row = wait_for(&client, &by_key, |_| true).await;
        assert_eq!(row["key"], key);
        assert_eq!(row["state"]["added"], 1, "{key:?}: {row}");
        let by_path = format!("/projections/products/{encoded}");
        assert_eq!(client.get_ok(&by_path).await.unwrap(), row, "{key:?}");
    }
    // As people type it.
    for path in [
        "/projections/products/compare",
        "/projections/products/a//b",
    ] {
        let row = client.get_ok(path).await.unwrap();
        assert_eq!(row["state"]["added"], 1, "{path}: {row}");
    }
    system.stop().await;
}
