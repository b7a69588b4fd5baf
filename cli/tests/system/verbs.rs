//! The operator's verbs about playbacks, beside a running system.

use crate::client::Client;
use crate::support::{BATCH, rewind, vote, wait_for};
use serde_json::{Value, json};
use std::{path::Path, process::Command};

/// Runs a verb. Returns its exit code, its JSON and its errors.
fn verb(dir: &Path, args: &[&str]) -> (i32, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    let command = command.args(args).arg("--json").arg("--dir").arg(dir);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    let said = serde_json::from_str(&text).unwrap_or_default();
    (output.status.code().unwrap(), said, errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replays_are_made_followed_switched_and_dropped_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, url) = rewind(dir.path());
    let client = Client::new(url);
    let votes: Vec<Value> = (0..60).map(|nth| vote("poll-1", nth)).collect();
    client
        .post_ok("/events", BATCH, &json!(votes), 202)
        .await
        .unwrap();
    wait_for(&client, "/projections/basic-sum/1", |row| {
        row["watermark"] == 60
    })
    .await;
    let verb = |args: &[&str]| verb(dir.path(), args);

    let future = [
        "replay",
        "--projection=basic-sum",
        "--recorded-from=9000-01-01T00:00:00Z",
    ];
    let into_serving = [
        "replay",
        "--projection=basic-sum",
        "--generation=1",
        "--first=3",
    ];
    for (args, expected, said) in [
        (
            &["replay", "--projection", "nothing"] as &[&str],
            2,
            "basic-sum",
        ),
        (&["replay"], 2, "--projection"),
        (&into_serving, 2, "one of its own"),
        (&future, 2, "future"),
        (
            &["replay", "--projection=basic-sum", "--category=cart"],
            2,
            "empty",
        ),
        (&["replay", "--projection=basic-sum", "--id=a/b"], 2, "id"),
        (
            &["reverse", "poll-1", "1", "--reason= ", "--yes"],
            2,
            "reason",
        ),
        (&["activate", "basic-sum", "7"], 2, "basic-sum@7"),
        (&["drop", "basic-sum", "1"], 1, "serves"),
        (&["playback", "nobody"], 2, "no playback"),
        (
            &["reverse", "poll-1", "99", "--reason=r", "--yes"],
            2,
            "no event",
        ),
    ] {
        let (code, _, errors) = verb(args);
        assert_eq!(code, expected, "{args:?}: {errors}");
        assert!(errors.contains(said), "{args:?}: {errors}");
    }

    // What a dry run counts is what is sent.
    let some = ["--projection", "basic-sum", "--versions", "11..40"];
    let (code, dry, _) = verb(&[&["replay", "--dry-run"], &some as &[&str]].concat());
    assert_eq!((code, &dry["events"]), (0, &json!(30)), "{dry}");
    assert!(dry["estimate"]["dollars"].as_f64().unwrap() > 0.0, "{dry}");
    let (code, sent, _) = verb(&[&["replay"], &some as &[&str]].concat());
    assert_eq!((code, &sent["state"]), (0, &json!("completed")), "{sent}");
    assert_eq!(
        (&sent["events"], &sent["records"]),
        (&dry["events"], &dry["records"])
    );
    let part = client
        .get_ok("/projections/basic-sum/1?generation=2")
        .await
        .unwrap();
    assert_eq!(
        (&part["watermark"], &part["state"]["total"]),
        (&json!(40), &json!(30))
    );
    let (code, _, errors) = verb(&["activate", "basic-sum", "2"]);
    assert!(code == 1 && errors.contains("part of history"), "{errors}");

    // By hand; switched, rolled back, dropped.
    let (code, built, _) = verb(&[
        "replay",
        "--projection",
        "basic-sum",
        "--by-hand",
        "--id",
        "mine",
    ]);
    assert_eq!((code, &built["state"]), (0, &json!("caught-up")), "{built}");
    let (code, known, _) = verb(&["activate", "basic-sum", "3"]);
    assert_eq!(
        (code, &known["serving"], &known["previous"]),
        (0, &json!(3), &json!(1))
    );
    let (code, known, _) = verb(&["activate", "basic-sum", "1"]);
    assert_eq!(
        (code, &known["serving"], &known["previous"]),
        (0, &json!(1), &json!(3))
    );
    let (code, _, errors) = verb(&["drop", "basic-sum", "3"]);
    assert_eq!(code, 0, "{errors}");
    wait_for(&client, "/projections", |all| {
        let all = all["projections"].as_array().unwrap();
        let basic = all
            .iter()
            .find(|known| known["name"] == "basic-sum")
            .unwrap();
        !basic["generations"]["dropped"]["3"].is_null()
    })
    .await;
    let (code, _, errors) = verb(&["activate", "basic-sum", "3"]);
    assert_eq!(code, 2, "{errors}");

    // A slow one is paused, resumed and cancelled.
    let slow = [
        "replay",
        "--projection",
        "one-vote-sum",
        "--rate",
        "5",
        "--detach",
        "--id",
        "slow",
    ];
    assert_eq!(verb(&slow).0, 0);
    let (code, paused, _) = verb(&["playback", "slow", "--pause"]);
    assert_eq!((code, &paused["state"]), (0, &json!("paused")));
    let (code, followed, _) = verb(&["playback", "slow"]);
    assert_eq!(
        (code, &followed["state"]),
        (1, &json!("paused")),
        "nobody is at work on it, and it is not done"
    );
    let (code, going, _) = verb(&["playback", "slow", "--resume"]);
    assert_eq!((code, &going["state"]), (0, &json!("replaying")));
    let (code, ended, _) = verb(&["playback", "slow", "--cancel"]);
    assert_eq!((code, &ended["state"]), (0, &json!("cancelled")));
    let is_part = |shown: &Value| shown["progress"].as_f64().unwrap() < 0.9;
    assert!(is_part(&ended), "{ended}");
    // Also when what it kept for its progress has been deleted.
    wait_for(&client, "/health", |health| {
        health["playbacks"] == json!([])
    })
    .await;
    let ended = client.get_ok("/playbacks/slow").await.unwrap();
    assert!(is_part(&ended), "{ended}");
    let (code, _, errors) = verb(&["playback", "slow", "--resume"]);
    assert!(code == 1 && errors.contains("cancelled"), "{errors}");

    // An event is taken back: first shown, then done, once.
    let reverse = [
        "reverse",
        "poll-1",
        "5",
        "--reason",
        "not a guest",
        "--by",
        "ann",
    ];
    let (code, _, errors) = verb(&reverse);
    assert!(
        code == 2 && errors.contains("--yes"),
        "nobody to ask: {errors}"
    );
    let (code, shown, _) = verb(&[&reverse as &[&str], &["--dry-run"]].concat());
    assert_eq!(
        (code, shown["rows"].as_array().unwrap().len()),
        (0, 3),
        "{shown}"
    );
    let (code, done, _) = verb(&[&reverse as &[&str], &["--yes"]].concat());
    assert_eq!((code, &done["reversal"]), (0, &json!(61)), "{done}");
    let (code, _, errors) = verb(&[&reverse as &[&str], &["--yes"]].concat());
    assert!(code == 1 && errors.contains("by version 61"), "{errors}");
    wait_for(&client, "/projections/basic-sum/1", |row| {
        row["state"]["total"] == 59
    })
    .await;
    let (code, audit, _) = verb(&["verify"]);
    assert_eq!(code, 0, "{audit}");
}
