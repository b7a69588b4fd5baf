//! The door checks data: what a category's enum does not take is answered with
//! the path in the data, and nothing reaches Kinesis.

mod support;

use serde_json::{Value, json};
use support::{Kinesis, body, request};

const ONE: &[(&str, &str)] = &[("content-type", "application/cloudevents+json")];
const BATCH: &[(&str, &str)] = &[("content-type", "application/cloudevents-batch+json")];

fn vote(data: &Value) -> Value {
    json!({"specversion": "1.0", "id": "1", "source": "/app", "type": "vote-cast", "subject": "poll-1", "data": data})
}

#[tokio::test]
async fn a_vote_for_a_number_is_answered_with_its_path_and_is_not_put() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let sent = vote(&json!({"user": "ann", "choice": 5})).to_string();
    let answer = ingest
        .handle(&request("ingest-events", ONE, sent.as_bytes()))
        .await;
    let problem = body(&answer);
    assert_eq!(answer.status_code, 422, "{problem}");
    assert_eq!(problem["field"], "data.choice");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("expected a string"),
        "{problem}"
    );
    assert!(kinesis.events().is_empty());
}

#[tokio::test]
async fn what_a_declared_category_does_not_take_names_the_member() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let good = json!({"user": "ann", "choice": "chips"});
    let changed = |member: &str, value: Value| {
        let mut event = vote(&good);
        event[member] = value;
        event
    };
    for (event, field, expected) in [
        (
            changed("data", json!({"user": "ann"})),
            "data",
            "missing field `choice`",
        ),
        (
            changed("data", json!(["ann", "chips"])),
            "data",
            "found a list",
        ),
        (changed("data", Value::Null), "data", "expected"),
        (
            changed("type", json!("vote-casted")),
            "type",
            "`vote-cast`, `voting-stopped`",
        ),
        (
            changed("schemaversion", json!(2)),
            "schemaversion",
            "expected 1",
        ),
        (changed("data_base64", json!("AA==")), "data", "data"),
    ] {
        let answer = ingest
            .handle(&request("ingest-events", ONE, event.to_string().as_bytes()))
            .await;
        let problem = body(&answer);
        assert_eq!(answer.status_code, 422, "{event}: {problem}");
        assert!(
            problem["field"].as_str().unwrap().starts_with(field),
            "{event}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(expected),
            "{event}: {problem}"
        );
    }
    assert!(kinesis.events().is_empty());
}

#[tokio::test]
async fn a_batch_is_answered_item_by_item_and_other_categories_are_free() {
    let (ingest, kinesis) = Kinesis::ingest().await;
    let mut free = vote(&json!({"choice": 5}));
    free["subject"] = "weather-1".into();
    free["id"] = "2".into();
    let sent = json!([vote(&json!({"choice": 5})), free]).to_string();
    let answer = ingest
        .handle(&request("ingest-events", BATCH, sent.as_bytes()))
        .await;
    assert_eq!(answer.status_code, 207);
    let results = body(&answer)["results"].clone();
    assert_eq!(results[0]["status"], 422, "{results}");
    assert_eq!(results[1]["status"], 202, "{results}");
    let put: Vec<String> = kinesis.events().into_iter().map(|event| event.id).collect();
    assert_eq!(put, ["2"]);
}
