//! No verb reaches AWS unless told to. Whatever the environment holds, a verb
//! sends requests there only with `--aws` or `--stack`, and changes something
//! only after a confirmation.

use crate::aws::{Aws, credentials};
use crate::calls::{CALLS, call, import_call, rewind_in, takes, verbs};
use crate::support::{BATCH, accept_unchecked, clients_of, rewind_with, vote, wait_for};
use crate::{client::Client, support::EVENT};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output},
};

/// The operations that only read.
const READS: [&str; 9] = [
    "Query",
    "GetItem",
    "Scan",
    "BatchGetItem",
    "DescribeTable",
    "DescribeStacks",
    "ListShards",
    "GetShardIterator",
    "GetRecords",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_verb_sends_anything_to_aws_unless_it_is_told_to() {
    let counter = Aws::start();
    let (empty, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let run = |call: &[String]| -> (Option<i32>, String) {
        let mut command = rewind_in(empty.path(), call);
        counter.lead_here(&mut command);
        let Output { status, stderr, .. } = command.output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    };
    let (_system, url) = rewind_with(dir.path(), |command| counter.lead_here(command));
    let client = Client::new(url);
    let vote = vote("poll-1", 1);
    client.post_ok("/events", EVENT, &vote, 202).await.unwrap();
    wait_for(&client, "/projections/basic-sum/1", |_| true).await;
    assert_eq!(counter.operations(), [""; 0], "the local system asks AWS");
    let mut told = 0;
    for verb in verbs() {
        let call = call(&verb);
        // Where no system runs.
        let (code, errors) = run(&call);
        assert_eq!(counter.operations(), [""; 0], "{call:?}");
        let is_about_a_deployment = takes(&verb, "aws");
        if is_about_a_deployment {
            assert_eq!(code, Some(3), "{call:?}: {errors}");
            for way_out in ["cargo run", "--endpoint", "--stack", "--aws"] {
                assert!(errors.contains(way_out), "{call:?}: {errors}");
            }
        } else if !verb.is_hide_set() {
            assert_eq!(code, Some(0), "{call:?}: {errors}");
            continue;
        } else {
            continue;
        }
        // Beside one.
        let there = ["--dir".to_string(), dir.path().display().to_string()];
        let (code, errors) = run(&[call.clone(), there.to_vec()].concat());
        assert_ne!(code, Some(3), "{call:?}: {errors}");
        assert_eq!(counter.operations(), [""; 0], "{call:?}");
        // And when it is told to.
        for told in [&["--aws"] as &[&str], &["--stack", "rewind"]] {
            let told: Vec<String> = told.iter().map(ToString::to_string).collect();
            let (_, errors) = run(&[told.clone(), call.clone()].concat());
            let asked = counter.operations();
            assert!(!asked.is_empty(), "{call:?} {told:?}: {errors}");
            let written = asked.iter().find(|asked| !READS.contains(&asked.as_str()));
            assert_eq!(written, None, "{call:?} {told:?}, without a question");
            let described = asked.iter().filter(|asked| *asked == "DescribeStacks");
            let expected = usize::from(told[0] == "--stack");
            assert_eq!(described.count(), expected, "{call:?} {told:?}: {asked:?}");
        }
        told += 1;
    }
    assert!(told >= 10, "only {told} verbs are about a deployment");
}

/// The state that a verb could change, once it no longer changes.
async fn state(client: &Client) -> Vec<Value> {
    let mut before = Vec::new();
    loop {
        let now = state_now(client).await;
        if now == before {
            return now;
        }
        before = now;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }
}

async fn state_now(client: &Client) -> Vec<Value> {
    let mut state = Vec::new();
    for path in [
        "/projections",
        "/playbacks/slow",
        "/streams/poll-1",
        "/streams/poll-lunch",
        "/health",
        CALLS,
    ] {
        let body = client.get(path).await.unwrap().body;
        state.push(match path {
            // How far it is does change.
            "/playbacks/slow" => body["state"].clone(),
            // The slow playback may reach the poison at any time.
            "/health" => {
                let stalls = body["stalled"].as_array().unwrap().iter();
                let stalls = stalls.filter(|stall| stall["reader"] != "one-vote-sum@2");
                stalls.cloned().collect()
            }
            _ => body,
        });
    }
    state
}

/// The endpoints of a running system, as the SDK's variables.
fn as_aws(dir: &Path, command: &mut Command) {
    let said = std::fs::read_to_string(dir.join("endpoints.json")).unwrap();
    let said: Value = serde_json::from_str(&said).unwrap();
    for service in ["dynamodb", "kinesis", "lambda"] {
        let name = format!("AWS_ENDPOINT_URL_{}", service.to_uppercase());
        command.env(name, said[service].as_str().unwrap());
    }
    command.envs(credentials());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_change_something_on_aws_says_where_and_asks() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    // AWS is played by a local system.
    let (_system, url) = rewind_with(dir, |_| {});
    let client = Client::new(url);
    let votes: Vec<Value> = (1..=60).map(|nth| vote("poll-1", nth)).collect();
    let votes = json!(votes);
    client.post_ok("/events", BATCH, &votes, 202).await.unwrap();
    let poison = json!({
        "id": "p", "source": "/t", "type": "vote-cast", "subject": "poll-2",
        "time": "2023-04-19T09:00:00Z", "data": 1,
    });
    accept_unchecked(&clients_of(dir).await, &poison).await;
    wait_for(&client, "/health", |health| {
        health["stalled"]
            .as_array()
            .is_some_and(|all| all.len() == 3)
    })
    .await;
    wait_for(&client, "/projections/basic-sum/1", |row| {
        row["watermark"] == 60
    })
    .await;
    import_call(dir, &client).await;
    let aws = Aws::start();
    let by_name: &[&str] = &["--aws"];
    let by_stack: &[&str] = &["--stack", "rewind"];
    let run = |call: &[&str], told: &[&str], yes: bool| -> (Option<i32>, String) {
        let mut call = [call, told].concat();
        call.extend(yes.then_some("--yes"));
        let mut command = rewind_in(dir, &call);
        as_aws(dir, &mut command);
        if told == by_stack {
            command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", &aws.url);
            // The stack tells it.
            command.env_remove("AWS_ACCOUNT_ID");
        }
        let Output { status, stderr, .. } = command.output().unwrap();
        (status.code(), String::from_utf8(stderr).unwrap())
    };
    let file = crate::support::root().join("docs/votes.jsonl");
    let file = file.display().to_string();
    // Each call with its exit code after `--yes`, and with a name in the
    // question.
    let changes: [(&[&str], i32, &str); 13] = [
        (&["resume", "--wait", "0"], 1, "rewind-eventsstream"),
        (
            &[
                "replay",
                "--projection=one-vote-sum",
                "--rate=1",
                "--detach",
                "--id=slow",
            ],
            0,
            "rewind-playback",
        ),
        (&["playback", "slow", "--pause"], 0, "rewind-datatable"),
        (&["playback", "slow", "--resume"], 0, "rewind-playback"),
        (&["playback", "slow", "--cancel"], 0, "rewind-playback"),
        (
            &[
                "replay",
                "--projection=basic-sum",
                "--stream=poll-1",
                "--by-hand",
            ],
            0,
            "rewind-eventstable",
        ),
        (&["drop", "basic-sum", "2"], 0, "drop basic-sum@2"),
        (
            &["retry", "payments", "1"],
            0,
            "calls of \"1\" again, 1 in number",
        ),
        (&["import", &file], 0, "rewind-incomingstream"),
        (
            &[
                "send",
                "--type=vote-cast",
                "--subject=poll-lunch",
                "--data={\"user\":\"x\",\"choice\":\"chips\"}",
            ],
            0,
            "rewind-incomingstream",
        ),
        (
            &["dead-letters", "retry", "--all"],
            0,
            "bucket rewind-deadletters",
        ),
        (
            &["reverse", "poll-1", "1", "--reason", "r"],
            0,
            "rewind-incomingstream",
        ),
        (&["partitions", "poll", "16"], 0, "rewind-incomingstream"),
    ];
    for (nth, (call, code, named)) in changes.into_iter().enumerate() {
        let before = state(&client).await;
        for (told, stack) in [(by_name, "AWS"), (by_stack, "stack rewind")] {
            let (asked, errors) = run(call, told, false);
            assert_eq!(asked, Some(2), "{call:?} {told:?}: {errors}");
            for words in [
                "region eu-central-1",
                "account 123456789012",
                stack,
                named,
                "--yes",
            ] {
                assert!(errors.contains(words), "{call:?} {told:?}: {errors}");
            }
        }
        let after = state(&client).await;
        assert!(after == before, "{call:?} has changed something");
        let told = if nth % 2 == 0 { by_stack } else { by_name };
        let (done, errors) = run(call, told, true);
        assert_eq!(done, Some(code), "{call:?} {told:?} --yes: {errors}");
    }
    let ledger = client.get_ok(CALLS).await.unwrap();
    assert_eq!(ledger["entries"][0]["state"], "waits", "{ledger}");
    let (asked, errors) = run(&["activate", "basic-sum", "1"], by_stack, false);
    assert!(
        asked == Some(2) && errors.contains("eu-central-1"),
        "{errors}"
    );
    let tried = changes.map(|(call, ..)| call[0]);
    for verb in verbs().iter().filter(|verb| takes(verb, "yes")) {
        let name = verb.get_name();
        assert!(
            tried.contains(&name) || name == "activate",
            "{name} is not tried"
        );
    }
}
