//! The operator's verbs, as commands beside a running system.

use crate::client::Client;
use crate::support::{BATCH, accept_unchecked, clients_of, rewind, vote, wait_for};
use rewind::StreamName;
use rewind_aws::data_table::stall::{self, Stall};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// Runs a verb, and returns its exit code and its JSON.
fn verb(dir: &Path, args: &[&str]) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    let command = command.args(args).arg("--json").arg("--dir").arg(dir);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = serde_json::from_str(&text).unwrap_or_else(|error| {
        panic!(
            "{args:?}: {error}: {text} {}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (output.status.code().unwrap(), said)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_and_resume_find_the_system_that_runs_here() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, url) = rewind(dir.path());
    let client = Client::new(url);
    let votes: Vec<Value> = (0..50).map(|nth| vote("poll-1", nth)).collect();
    client
        .post_ok("/events", BATCH, &json!(votes), 202)
        .await
        .unwrap();
    wait_for(&client, "/projections/basic-sum/1", |row| {
        row["watermark"] == 50
    })
    .await;
    let (code, audit) = verb(dir.path(), &["verify"]);
    assert_eq!(code, 0, "{audit}");
    assert!(audit.to_string().contains("50"), "{audit}");

    // A stall that is mended, its report left behind by a process that died.
    let clients = clients_of(dir.path()).await;
    let store = clients.data_store("rewind-datatable");
    let stream = StreamName::new("poll-1").unwrap();
    let stall = Stall::new("basic-sum@1", &stream, 7, "mended since");
    let report = stall::report(&stall).unwrap();
    store.write_together(&[report]).await.unwrap();
    let (code, resumed) = verb(dir.path(), &["resume", "--wait", "10"]);
    assert_eq!(code, 0, "{resumed}");
    let health = client.get_ok("/health").await.unwrap();
    assert_eq!(health["status"], "ok", "{health}");

    // One that is not mended.
    let poison = json!({
        "id": "p", "source": "/test", "type": "vote-cast", "subject": "poll-2",
        "time": "2023-04-19T09:00:00Z", "data": 1,
    });
    accept_unchecked(&clients, &poison).await;
    wait_for(&client, "/health", |health| {
        health["stalled"]
            .as_array()
            .is_some_and(|stalled| stalled.len() == 3)
    })
    .await;
    let args = ["resume", "--wait", "1", "--reader", "basic-sum@1"];
    let (code, resumed) = verb(dir.path(), &args);
    assert_eq!(code, 1, "{resumed}");
    assert!(resumed.to_string().contains("poll-2"), "{resumed}");
    let (code, audit) = verb(dir.path(), &["verify"]);
    assert_eq!(code, 0, "a stalled stream is no violation: {audit}");
}
