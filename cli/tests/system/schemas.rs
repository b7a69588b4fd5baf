//! The schemas of the domain: printed by `rewind schemas`, answered by
//! `GET /schemas`, and enforced on `POST /events`.

use crate::calls::rewind_in;
use crate::support::{EVENT, start, stream, vote, wait_for};
use local::State;
use serde_json::{Value, json};

/// The schemas that the verb prints in a folder without a deployment.
fn printed() -> Value {
    let empty = tempfile::tempdir().unwrap();
    let output = rewind_in(empty.path(), &["schemas"]).output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    assert_eq!(errors, "");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_schemas_of_all_types_are_printed_without_a_deployment() {
    let printed = printed();
    let poll = &printed["categories"]["poll"];
    let vote_cast = &poll["types"]["vote-cast"];
    assert_eq!(vote_cast["schemaversion"], 1, "{printed}");
    let schema = &vote_cast["schema"];
    assert_eq!(schema["properties"]["choice"]["type"], "string", "{schema}");
    assert_eq!(schema["required"], json!(["user", "choice"]), "{schema}");
    for category in ["cart", "order"] {
        let types = printed["categories"][category]["types"].as_object();
        assert!(types.is_some_and(|types| !types.is_empty()), "{category}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_system_answers_the_printed_schemas_and_refuses_other_data() {
    let (system, client) = start(State::Ephemeral).await;
    assert_eq!(client.get_ok("/schemas").await.unwrap(), printed());

    let mut wrong = vote("poll-1", 1);
    wrong["data"]["choice"] = 5.into();
    let answer = client.post("/events", EVENT, wrong.to_string()).await;
    let answer = answer.unwrap();
    let field = &answer.body["field"];
    assert_eq!((answer.status, field), (422, &json!("data.choice")));

    // The refused event is not recorded: the next one gets its version.
    let next = vote("poll-1", 2);
    client.post_ok("/events", EVENT, &next, 202).await.unwrap();
    wait_for(&client, "/projections/basic-sum/1", |row| {
        row["watermark"] == 1
    })
    .await;
    let recorded = stream(&client, "poll-1").await;
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert_eq!(recorded[0]["id"], "poll-1/2");
    system.stop().await;
}
