//! What operators do is noted: each verb that changes something leaves one
//! operation in `GET /operations`, with who called it.

use crate::calls::{rewind_in, with_votes};
use crate::client::Client;
use serde_json::{Value, json};
use std::path::Path;

/// What is noted, the newest first, without ids and times.
async fn noted(client: &Client) -> Vec<Value> {
    let list = client.get_ok("/operations?limit=200").await.unwrap();
    let mut noted = list["operations"].as_array().unwrap().clone();
    for operation in &mut noted {
        let members = operation.as_object_mut().unwrap();
        assert!(members.remove("id").is_some() && members.remove("time").is_some());
    }
    // The program itself is noted as a deployment.
    noted.retain(|operation| operation["what"] != "deployed");
    noted
}

/// Runs a verb as ann, and returns whether it succeeded, and its errors.
fn run(dir: &Path, call: &[&str]) -> (bool, String) {
    let mut command = rewind_in(dir, call);
    let output = command.arg("--dir").arg(dir).env("USER", "ann").output();
    let output = output.unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_verb_that_changes_something_leaves_one_operation() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    let sum = "--projection=basic-sum";
    let slow = "--projection=one-vote-sum";
    let by_bob = ["reverse", "poll-1", "6", "--reason=r", "--yes", "--by=bob"];
    let changes: [(&[&str], &str, &str, &str); 10] = [
        (
            &["replay", sum, "--dry-run", "--id=counted"],
            "playback-started",
            "counted",
            "ann",
        ),
        (
            &["replay", sum, "--by-hand", "--id=mine"],
            "playback-started",
            "mine",
            "ann",
        ),
        (
            &["activate", "basic-sum", "2"],
            "activated",
            "basic-sum@2",
            "ann",
        ),
        (&["drop", "basic-sum", "1"], "dropped", "basic-sum@1", "ann"),
        (
            &["replay", slow, "--rate=5", "--detach", "--id=slow"],
            "playback-started",
            "slow",
            "ann",
        ),
        (
            &["playback", "slow", "--pause"],
            "playback-paused",
            "slow",
            "ann",
        ),
        (
            &["playback", "slow", "--resume"],
            "playback-resumed",
            "slow",
            "ann",
        ),
        (
            &["playback", "slow", "--cancel"],
            "playback-cancelled",
            "slow",
            "ann",
        ),
        (
            &["reverse", "poll-1", "5", "--reason=r", "--yes"],
            "reversed",
            "poll-1@5",
            "ann",
        ),
        (&by_bob, "reversed", "poll-1@6", "bob"),
    ];
    let mut expected: Vec<Value> = Vec::new();
    for (call, what, about, by) in changes {
        let (is_done, errors) = run(dir, call);
        assert!(is_done, "{call:?}: {errors}");
        expected.insert(0, json!({"what": what, "about": about, "by": by}));
        assert_eq!(noted(&client).await, expected, "{call:?}");
    }
    // What is refused, and what only looks, is no operation.
    for (call, succeeds) in [
        (&["activate", "basic-sum", "9"] as &[&str], false),
        (&["drop", "basic-sum", "2"], false),
        (&["playback", "slow", "--resume"], false),
        (&["reverse", "poll-1", "5", "--reason=r", "--yes"], false),
        (&["reverse", "poll-1", "7", "--reason=r", "--dry-run"], true),
        (&["playback", "mine"], true),
        (&["playbacks"], true),
    ] {
        let (is_done, errors) = run(dir, call);
        assert_eq!(is_done, succeeds, "{call:?}: {errors}");
        assert_eq!(noted(&client).await, expected, "{call:?}");
    }
    // By hand, as `aws lambda invoke` does: nobody says who.
    let path = "/2015-03-31/functions/playback/invocations";
    let request = json!({"to": [{"projection": "basic-sum"}], "dry_run": true});
    let played = client.post_ok(path, "application/json", &request, 200);
    let played = played.await.unwrap();
    expected.insert(
        0,
        json!({"what": "playback-started", "about": played["id"]}),
    );
    assert_eq!(noted(&client).await, expected);
}
