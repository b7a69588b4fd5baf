//! Calls of every verb that clap lists, so that the tests include a new verb.

use crate::client::Client;
use crate::support::{BATCH, Killed, accept_unchecked, clients_of, rewind, root, vote, wait_for};
use clap::Command as Verb;
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output},
};

/// All verbs, including hidden ones. Not `console`: it serves until Ctrl-C, and
/// has tests of its own.
pub fn verbs() -> Vec<Verb> {
    let all = rewind_cli::command();
    let all = all.get_subcommands();
    all.filter(|verb| verb.get_name() != "console")
        .cloned()
        .collect()
}

/// Whether a verb has this option.
pub fn takes(verb: &Verb, long: &str) -> bool {
    let mut arguments = verb.get_arguments();
    arguments.any(|argument| argument.get_long() == Some(long))
}

/// A call of a verb with all required arguments.
pub fn call(verb: &Verb) -> Vec<String> {
    let mut call = vec![verb.get_name().to_string()];
    for required in verb.get_arguments().filter(|arg| arg.is_required_set()) {
        call.extend(required.get_long().map(|long| format!("--{long}")));
        call.push(value(required.get_id().as_str()));
    }
    let more: &[&str] = match verb.get_name() {
        // It runs a small deployment of its own.
        "demo" => &["--voters", "1"],
        "replay" => &["--projection", "basic-sum"],
        "send" => &[
            "--type=vote-cast",
            "--subject=poll-1",
            "--data={\"user\":\"x\",\"choice\":\"chips\"}",
        ],
        // It would follow for ever.
        "tail" => &["--after=0", "--once"],
        // What `new` makes, which clap lists first.
        "upgrade" => &["--path", "my-shop"],
        _ => &[],
    };
    call.extend(more.iter().map(ToString::to_string));
    call
}

fn value(of: &str) -> String {
    match of {
        "projection" => "basic-sum".into(),
        "generation" | "version" => "1".into(),
        "id" => "nobody".into(),
        "gateway" => "payments".into(),
        "stream" => "poll-1".into(),
        "reason" => "r".into(),
        "file" => root().join("docs/votes.jsonl").display().to_string(),
        "name" => "ingest".into(),
        "shell" => "bash".into(),
        "language" => "typescript".into(),
        "repository" => "my-shop".into(),
        "key" => "1".into(),
        other => panic!("what is a value of {other}?"),
    }
}

/// `rewind` in a folder, without `REWIND_` and `AWS_` variables.
pub fn rewind_in(folder: &Path, call: &[impl AsRef<std::ffi::OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    command.args(call).current_dir(folder);
    let is_told = |name: &str| name.starts_with("REWIND_") || name.starts_with("AWS_");
    for (name, _) in std::env::vars().filter(|(name, _)| is_told(name)) {
        command.env_remove(name);
    }
    command.env("REWIND_TEMPLATE", root().join("template.yaml"));
    command.stdin(std::process::Stdio::null());
    command
}

/// A system with sixty votes on a poll.
pub async fn with_votes(dir: &Path) -> (Killed, Client) {
    let (process, url) = rewind(dir);
    let client = Client::new(url);
    let votes: Vec<Value> = (0..60).map(|nth| vote("poll-1", nth)).collect();
    let votes = json!(votes);
    client.post_ok("/events", BATCH, &votes, 202).await.unwrap();
    wait_for(&client, "/projections/basic-sum/1", |row| {
        row["watermark"] == 60
    })
    .await;
    (process, client)
}

/// Lets the system of a folder have a call of the gateway `payments` that was
/// imported, so that `rewind retry` may let it be made.
pub async fn import_call(dir: &Path, client: &Client) {
    let asked = json!({
        "id": "c", "source": "/t", "type": "call-requested", "subject": "gateway:payments-1",
        "time": "2023-04-19T09:00:00Z", "imported": true,
        "data": {"authorise": {"order": "1", "cents": 1}},
    });
    accept_unchecked(&clients_of(dir).await, &asked).await;
    wait_for(client, CALLS, |ledger| {
        ledger["entries"][0]["state"] == "withheld"
    })
    .await;
}

/// Where the calls of [`import_call`] are read.
pub const CALLS: &str = "/gateways/payments/ledger?key=1";

/// Runs a call beside the system of a folder. Returns its exit code and its
/// outputs.
pub fn ended(dir: &Path, call: &[&str]) -> (i32, String, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = rewind_in(dir, call).arg("--dir").arg(dir).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}
