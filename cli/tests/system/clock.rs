//! `--clock FILE`: the present of the domain, turned by hand.

use crate::{
    calls::rewind_in,
    client::Client,
    support::{EVENT, rewind_with, vote, wait_for},
};
use rewind_aws::aws::clock::now;
use serde_json::Value;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_without_a_time_has_that_of_the_clock_and_is_recorded_now() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clock");
    std::fs::write(&file, "2030-01-01T00:00:00Z\n").unwrap();
    let (_process, url) = rewind_with(&dir.path().join("state"), |command| {
        command.arg("--clock").arg(&file);
    });
    let client = Client::new(url);
    let turned = [
        "2030-01-01T00:00:00Z",
        "2031-06-01T12:00:00Z",
        "2020-02-02T00:00:00Z",
    ];
    for (nth, time) in turned.into_iter().enumerate() {
        std::fs::write(&file, time).unwrap();
        let event = vote("poll-turned", nth);
        client.post_ok("/events", EVENT, &event, 202).await.unwrap();
    }
    let is_there = |body: &Value| body["events"].as_array().unwrap().len() == turned.len();
    let stream = wait_for(&client, "/streams/poll-turned", is_there).await;
    let present = now().as_microsecond();
    for (event, time) in stream["events"].as_array().unwrap().iter().zip(turned) {
        assert_eq!(event["time"], time, "{event}");
        let age = present - event["position"].as_i64().unwrap();
        assert!((0..60_000_000).contains(&age), "{event}");
    }
    // What measures how long something takes goes by the machine's clock.
    let health = wait_for(&client, "/health", |health| health["status"] == "ok").await;
    assert_eq!(health["why"], serde_json::json!([]));
}

#[test]
fn a_clock_that_tells_no_time_is_refused_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("wrong"), "noon").unwrap();
    for name in ["none", "wrong"] {
        let call = ["--clock", name, "--port", "0"];
        let ended = rewind_in(dir.path(), &call).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{name}");
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("--clock") && said.contains(name), "{said}");
    }
}
