//! History is exported from one system and imported into another, and two
//! generations of a projection are compared.

use crate::client::Client;
use crate::support::{BATCH, rewind, stream, vote, wait_for};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Output},
};

/// Runs a verb beside the system of a folder. Returns its exit code and its
/// JSON.
fn verb(dir: &Path, args: &[&str]) -> (i32, Value) {
    let output = run(dir, args);
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let other = String::from_utf8_lossy(&output.stderr);
        panic!("{args:?}: {error}: {other}")
    });
    (output.status.code().unwrap(), said)
}

fn run(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    let command = command.args(args).arg("--json").arg("--dir").arg(dir);
    command.output().unwrap()
}

/// The lines of an export.
fn exported(dir: &Path, flags: &[&str]) -> Vec<Value> {
    let flags: Vec<&str> = std::iter::once(&"export").chain(flags).copied().collect();
    let output = run(dir, &flags);
    let other = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{other}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let lines: Vec<Value> = lines.collect();
    let counted: Value = serde_json::from_str(&other).unwrap();
    assert_eq!(counted["events"], lines.len());
    lines
}

fn written(dir: &Path, name: &str, lines: &[Value]) -> String {
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = dir.join(name);
    std::fs::write(&path, lines).unwrap();
    path.to_str().unwrap().to_string()
}

/// All rows of all projections, without the other fields of a page.
async fn rows(client: &Client) -> BTreeMap<String, Value> {
    let known = client.get_ok("/projections").await.unwrap();
    let mut rows = BTreeMap::new();
    for projection in known["projections"].as_array().unwrap() {
        let name = projection["name"].as_str().unwrap();
        let path = format!("/projections/{name}?limit=1000");
        let page = client.get_ok(&path).await.unwrap();
        assert!(page["next"].is_null(), "more than a page");
        rows.insert(name.to_string(), page["rows"].clone());
    }
    rows
}

/// Waits until a system has the rows of another.
async fn wait_for_rows(client: &Client, expected: &BTreeMap<String, Value>) {
    for (name, rows) in expected {
        let path = format!("/projections/{name}?limit=1000");
        wait_for(client, &path, |page| page["rows"] == *rows).await;
    }
}

async fn accepted(client: &Client, events: &[Value]) {
    let events = json!(events);
    let sent = client.post_ok("/events", BATCH, &events, 202);
    sent.await.unwrap();
}

/// Fills a system: votes in three polls, one of them reversed, and a cart with
/// events of an adapter and a rule.
async fn filled(client: &Client) {
    let votes = (0..90).map(|nth| vote(&format!("poll-{}", nth % 3), nth));
    let votes: Vec<Value> = votes.collect();
    accepted(client, &votes).await;
    let inputs = [
        json!({"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "123", "user_id": "456"}),
        json!({"type": "order-placed", "timestamp": "2023-04-19T09:30:00Z", "order_id": "789", "user_id": "456"}),
    ];
    for input in &inputs {
        let sent = client.post_ok("/inputs/shop", "application/json", input, 202);
        sent.await.unwrap();
    }
    for poll in 0..3 {
        let path = format!("/projections/basic-sum/{poll}");
        wait_for(client, &path, |row| row["watermark"] == 30).await;
    }
    let why = json!({"reason": "a slip", "by": "me"});
    let path = "/streams/poll-1/events/20/reversal";
    let taken_back = client.post_ok(path, "application/json", &why, 202);
    taken_back.await.unwrap();
    wait_for(client, "/projections/basic-sum/1", |row| {
        row["watermark"] == 31 && row["state"]["total"] == 29
    })
    .await;
    wait_for(client, "/streams/order-789", |_| true).await;
    wait_for(client, "/projections/user-log?prefix=456/", |log| {
        log["rows"].as_array().is_some_and(|rows| rows.len() == 2)
    })
    .await;
    wait_for(client, "/projections/products/123", |_| true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn history_moves_from_one_system_to_another() {
    let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (dir, other_dir) = (dir.path(), other_dir.path());
    let (_process, url) = rewind(dir);
    let client = Client::new(url);
    filled(&client).await;
    let before = rows(&client).await;

    // All of it, in recorded order, as the streams show it.
    let file = dir.join("all.jsonl");
    let file = file.to_str().unwrap();
    let (code, said) = verb(dir, &["export", "--out", file]);
    assert_eq!((code, &said), (0, &json!({"events": 97})));
    let lines: Vec<Value> = std::fs::read_to_string(file)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let positions = lines.iter().map(|line| line["position"].as_u64().unwrap());
    assert!(positions.is_sorted());
    let polls = stream(&client, "poll-1").await;
    let exported_polls: Vec<&Value> = lines.iter().filter(|l| l["subject"] == "poll-1").collect();
    assert_eq!(exported_polls, polls.iter().collect::<Vec<_>>());

    // Into a new system. A second import changes nothing.
    let (_other, url) = rewind(other_dir);
    let other = Client::new(url);
    let (code, said) = verb(other_dir, &["import", file]);
    assert_eq!(
        (code, &said),
        (0, &json!({"events": 97, "streams": 7})),
        "three polls, an input, a cart, an order, the command that opened it"
    );
    wait_for_rows(&other, &before).await;
    let (code, _) = verb(other_dir, &["import", file]);
    assert_eq!(code, 0);
    let last = written(other_dir, "last.jsonl", &[vote("last-1", 1)]);
    let (code, said) = verb(other_dir, &["import", &last]);
    assert_eq!((code, said), (0, json!({"events": 1, "streams": 1})));
    for name in ["poll-0", "poll-1", "poll-2", "cart-456", "order-789"] {
        let without_place = |event: &Value| {
            let mut event = event.clone();
            let attributes = event.as_object_mut().unwrap();
            attributes.remove("position");
            // What was imported says so.
            attributes.remove("imported");
            event
        };
        let here: Vec<Value> = stream(&client, name)
            .await
            .iter()
            .map(without_place)
            .collect();
        let there: Vec<Value> = stream(&other, name)
            .await
            .iter()
            .map(without_place)
            .collect();
        assert_eq!(here, there, "{name}");
    }
    wait_for(&other, "/streams/last-1", |_| true).await;
    assert_eq!(rows(&other).await, before);
    let health = other.get_ok("/health").await.unwrap();
    assert_eq!(health["status"], "ok", "{health}");
    let conflicts = other.get("/streams/rewind-conflicts").await.unwrap();
    assert_eq!(conflicts.status, 404, "{}", conflicts.body);
    let (code, audit) = verb(other_dir, &["verify"]);
    assert_eq!(code, 0, "{audit}");
}

/// A recorded event as `export` writes it.
fn exported_event(stream: &str, source: &str, id: &str, event_type: &str, data: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": source, "type": event_type,
        "subject": stream, "time": "2026-01-01T09:00:00Z", "data": data,
        "version": 1, "position": 1_767_258_000_000_000_u64,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_was_decided_elsewhere_is_not_decided_before_its_outcome_comes() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, url) = rewind(dir);
    let client = Client::new(url);
    // In this part of history, nothing says why the name was taken.
    let data = json!({
        "stream": "application-1", "type": "create-application",
        "data": {"owner": "ann", "name": "weather"},
    });
    let (own, source) = ("rewind:command-k", "/rewind/command/received");
    let received = exported_event(own, source, "k", "command-received", &data);
    let data = json!({
        "stream": "application-1", "type": "create-application",
        "rejection": {"name": "name-taken", "reason": "taken", "data": {}},
    });
    let mut refused = exported_event(own, "/rewind/command", "k/0", "command-rejected", &data);
    refused["version"] = 2.into();
    refused["commandid"] = "k".into();
    // So many that the command is there long before its outcome.
    let votes = (0..6000).map(|nth| vote(&format!("poll-{}", nth % 3), nth));
    let lines: Vec<Value> = [received]
        .into_iter()
        .chain(votes)
        .chain([refused])
        .collect();
    let file = written(dir, "history.jsonl", &lines);
    let (code, said) = verb(dir, &["import", &file]);
    assert_eq!((code, said), (0, json!({"events": 6002, "streams": 4})));
    let outcome = wait_for(&client, "/commands/k", |body| body["outcome"] != "pending");
    assert_eq!(outcome.await["rejection"]["name"], "name-taken");
    wait_for(&client, "/health", |health| {
        let readers = health["readers"].as_array().unwrap();
        readers.iter().all(|reader| reader["events"] == 0)
    })
    .await;
    let nothing = client.get("/streams/application-1").await.unwrap();
    assert_eq!(nothing.status, 404, "{}", nothing.body);
    let conflicts = client.get("/streams/rewind-conflicts").await.unwrap();
    assert_eq!(conflicts.status, 404, "{}", conflicts.body);
    let (code, audit) = verb(dir, &["verify"]);
    assert_eq!(code, 0, "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_history_moves_as_well() {
    let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (dir, other_dir) = (dir.path(), other_dir.path());
    let (_process, url) = rewind(dir);
    let client = Client::new(url);
    filled(&client).await;

    let first = exported(dir, &["--category=poll", "--first=5"]);
    assert_eq!(first.len(), 15);
    assert!(first.iter().all(|line| line["version"].as_u64() < Some(6)));
    let few = exported(dir, &["--count", "7"]);
    let all = exported(dir, &[]);
    assert_eq!(few, all[..7]);
    let orders = exported(dir, &["--type=order-opened", "--type=order-placed"]);
    let kinds: Vec<&Value> = orders.iter().map(|line| &line["type"]).collect();
    assert_eq!(kinds, ["order-placed", "order-opened"]);
    // A reversal is exported with its event, or if its own type is selected.
    let reversed = exported(dir, &["--type=reversed"]);
    let what: Vec<&Value> = reversed
        .iter()
        .map(|line| &line["data"]["version"])
        .collect();
    assert_eq!(what, [20], "{reversed:?}");
    let votes = exported(dir, &["--type=vote-cast", "--stream=poll-1"]);
    assert_eq!((votes.len(), &votes[30]), (31, &reversed[0]));
    assert_eq!(
        exported(dir, &["--type=voting-stopped", "--category=poll"]).len(),
        0
    );
    let both = exported(dir, &["--type=order-placed", "--type=reversed"]);
    assert_eq!(both.len(), 2, "{both:?}");
    let late = exported(
        dir,
        &["--type=reversed", "--occurred-to=2020-01-01T00:00:00Z"],
    );
    assert_eq!(late.len(), 0, "{late:?}");
    let none = exported(dir, &["--recorded-to=2020-01-01T00:00:00Z"]);
    assert_eq!(none, Vec::<Value>::new());
    let refused = run(dir, &["export", "--versions=9..8"]);
    assert_eq!(refused.status.code(), Some(2));
    let reason = String::from_utf8(refused.stderr).unwrap();
    assert!(reason.contains("--versions"), "{reason}");

    // Events behind a gap get lower versions, and a reversal names the new
    // version of its event.
    let (_other, url) = rewind(other_dir);
    let other = Client::new(url);
    let last = exported(dir, &["--stream=poll-1", "--versions=15.."]);
    assert_eq!(last.len(), 17);
    let file = written(dir, "last.jsonl", &last);
    for _ in 0..2 {
        let (code, said) = verb(other_dir, &["import", &file]);
        assert_eq!((code, said), (0, json!({"events": 17, "streams": 1})));
        wait_for(&other, "/projections/basic-sum/1", |row| {
            row["watermark"] == 17 && row["state"]["total"] == 15
        })
        .await;
    }
    let there = stream(&other, "poll-1").await;
    assert_eq!(there.len(), 17);
    assert_eq!(there[5]["id"], polls_id(20));
    assert_eq!(there[16]["data"]["version"], 6);
    assert_eq!(there[16]["data"]["id"], polls_id(20));
    assert_eq!(there[16]["id"], "poll-1@6/0");
    // Another event can still be reversed, at the version that this one had.
    let why = json!({"reason": "a slip", "by": "me"});
    let taken_back = other.post_ok(
        "/streams/poll-1/events/16/reversal",
        "application/json",
        &why,
        202,
    );
    taken_back.await.unwrap();
    wait_for(&other, "/projections/basic-sum/1", |row| {
        row["state"]["total"] == 14
    })
    .await;

    // A reversal without its event is refused, and so is one that names another
    // event. The lines before it are sent.
    let reversal = last.last().unwrap();
    let lines = [vote("poll-9", 1), vote("poll-9", 2), reversal.clone()];
    let file = written(dir, "orphan.jsonl", &lines);
    let (code, said) = verb(other_dir, &["import", &file]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(
        (&said["events"], &said["stopped"]["line"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(said["stopped"]["field"], "data.version");
    wait_for(&other, "/projections/basic-sum/9", |row| {
        row["watermark"] == 2
    })
    .await;
    let lines = [last[5].clone(), reversal.clone()];
    let file = written(dir, "elsewhere.jsonl", &lines);
    let (code, said) = verb(other_dir, &["import", &file]);
    assert_eq!(code, 1, "{said}");
    let detail = said["stopped"]["detail"].as_str().unwrap();
    assert!(detail.contains("poll-1@1"), "{said}");

    // A bad line among good ones.
    let mut bad = vote("poll-9", 4);
    bad["subject"] = "poll".into();
    let lines = [vote("poll-9", 3), bad, vote("poll-9", 5)];
    let file = written(dir, "bad.jsonl", &lines);
    let (code, said) = verb(other_dir, &["import", &file]);
    assert_eq!(code, 1, "{said}");
    assert_eq!((&said["events"], &said["streams"]), (&json!(1), &json!(1)));
    assert_eq!(
        (&said["stopped"]["line"], &said["stopped"]["field"]),
        (&json!(2), &json!("subject"))
    );
    wait_for(&other, "/projections/basic-sum/9", |row| {
        row["watermark"] == 3
    })
    .await;
    assert_eq!(stream(&other, "poll-1").await.len(), 18);
    let absent = run(other_dir, &["import", "/nonexistent"]);
    assert_eq!(absent.status.code(), Some(2));
}

/// Events that an earlier version recorded with fewer checks are exported and
/// imported unchanged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_history_need_not_pass_the_checks_of_today() {
    let (dir, other_dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (dir, other_dir) = (dir.path(), other_dir.path());
    let digits = "2".repeat(2_000);
    let deep = (0..300).fold(String::from("1"), |inner, _| format!("[{inner}]"));
    let old = [
        ("old-1", "t", "yesterday", "{\"n\":1.50}"),
        ("old-1", "", "", "null"),
        ("old-1", "t", &digits, "\"x\""),
        ("old-2", &digits, "2023-04-19T09:00:00Z", "1"),
        // Spaces in a payload are kept, and so are values that can no longer be
        // parsed.
        ("old-2", "t", "2023-04-19 09:00", &deep),
        ("cart-ann_smith", "looked-around", "yesterday", "{ }"),
    ];
    let mut versions = BTreeMap::new();
    let lines = old.iter().enumerate().map(|(nth, (stream, kind, time, data))| {
        let version = versions.entry(*stream).or_insert(0);
        *version += 1;
        format!("{{\"specversion\":\"1.0\",\"id\":\"{nth}\",\"source\":\"\",\"type\":\"{kind}\",\"subject\":\"{stream}\",\"time\":\"{time}\",\"version\":{version},\"position\":{},\"Odd\":[null],\"data\":{data}}}", nth + 1)
    });
    let lines: Vec<String> = lines.collect();
    let file = dir.join("old.jsonl");
    std::fs::write(&file, lines.join("\n")).unwrap();

    // Import, export, import, export. Import records what ingest refuses now.
    let mut file = file.to_str().unwrap().to_string();
    let mut outs = vec![without_positions(&lines)];
    for dir in [dir, other_dir] {
        let (_process, _) = rewind(dir);
        let (code, said) = verb(dir, &["import", &file]);
        assert_eq!((code, &said), (0, &json!({"events": 6, "streams": 3})));
        file = dir.join("out.jsonl").to_str().unwrap().to_string();
        // Each takes as long as the index of the table may need.
        for nth in 1.. {
            let (code, said) = verb(dir, &["export", "--out", &file]);
            if said["events"] == 6 {
                break;
            }
            assert!(code == 0 && nth < 20, "{said}");
        }
        let text = std::fs::read_to_string(&file).unwrap();
        let out: Vec<String> = text.lines().map(ToString::to_string).collect();
        outs.push(without_positions(&out));
    }
    // What was imported says so, and nothing else is added.
    let whole = outs[0].clone();
    let marked = outs[1].iter();
    let marked = marked.map(|(id, line)| (id.clone(), line.replace("\"imported\":true,", "")));
    assert_eq!(whole, marked.collect());
    assert_eq!(outs[1], outs[2]);
}

/// Lines of an export in the order of their ids, unchanged except for their
/// positions.
fn without_positions(lines: &[String]) -> BTreeMap<String, String> {
    let position = regex::Regex::new("\"position\":[0-9]+").unwrap();
    let lines = lines.iter().map(|line| {
        let id = line.split("\"id\":\"").nth(1).unwrap().split('"').next();
        let line = position.replace(line, "\"position\":0").into_owned();
        (id.unwrap().to_string(), line)
    });
    lines.collect()
}

/// The id of the vote at a version of poll-1.
fn polls_id(version: usize) -> String {
    format!("poll-1/{}", (version - 1) * 3 + 1)
}

/// The cursor at the begin of a comparison of the generations 1 and 3.
const BEGIN: &str = "iJecMp1wJcd7ImEiOjEsImIiOjMsImF0Ijp7InBhcnRpdGlvbiI6MCwiYSI6eyJhZnRlciI6bnVsbCwiaXNfbGFzdCI6ZmFsc2V9LCJiIjp7ImFmdGVyIjpudWxsLCJpc19sYXN0IjpmYWxzZX19fQ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn generations_are_compared_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, url) = rewind(dir);
    let client = Client::new(url);
    let votes: Vec<Value> = (0..30)
        .map(|nth| vote(&format!("poll-{}", nth % 6), nth))
        .collect();
    accepted(&client, &votes).await;
    for poll in 0..6 {
        let path = format!("/projections/basic-sum/{poll}");
        wait_for(&client, &path, |row| row["watermark"] == 5).await;
    }
    let answer = client.get("/comparisons/basic-sum").await.unwrap();
    assert_eq!((answer.status, &answer.body["field"]), (404, &json!("b")));
    let code = run(dir, &["compare", "basic-sum"]).status.code();
    assert_eq!(code, Some(2), "there is nothing to compare with");

    // A rebuild of all history is equal, and one of a part is not.
    for what in [
        json!({}),
        json!({"streams": ["poll-1", "poll-2"], "versions": {"to": 3}}),
        json!({"categories": ["poll"], "streams": ["poll-1"]}),
    ] {
        let request =
            json!({"to": [{"projection": "basic-sum"}], "what": what, "activate": "by-hand"});
        let path = "/2015-03-31/functions/playback/invocations";
        let ended = client.post_ok(path, "application/json", &request, 200);
        let ended = ended.await.unwrap();
        assert!(
            ["caught-up", "completed"].contains(&ended["state"].as_str().unwrap()),
            "{ended}"
        );
    }
    let (code, said) = verb(dir, &["compare", "basic-sum"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        (&said["equal"], &said["a"]["rows"]),
        (&json!(true), &json!(6))
    );
    assert_eq!(said["a"]["checksum"], said["b"]["checksum"]);
    assert_eq!(
        (&said["a"]["generation"], &said["b"]["generation"]),
        (&json!(1), &json!(2))
    );
    let (code, said) = verb(dir, &["compare", "basic-sum", "1", "3", "--sample", "5"]);
    assert_eq!(code, 1, "{said}");
    assert_eq!(
        (&said["only_a"], &said["only_b"], &said["different"]),
        (&json!(4), &json!(0), &json!(2))
    );
    assert_eq!(said["sample"].as_array().unwrap().len(), 5);
    let text = Command::new(env!("CARGO_BIN_EXE_rewind"))
        .args(["compare", "basic-sum", "1", "3", "--dir"])
        .arg(dir)
        .output()
        .unwrap();
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("6 rows differ, 2 of them in both"), "{text}");
    assert!(text.contains("basic-sum@3  no row"), "{text}");

    let path = "/comparisons/basic-sum?a=1&b=3&sample=100";
    let answer = client.get_ok(path).await.unwrap();
    for field in ["only_a", "only_b", "different", "a", "b"] {
        assert_eq!(answer[field], said[field], "{field}");
    }
    // A cursor keeps to its generations, whatever serves meanwhile.
    let path = format!("/comparisons/basic-sum?cursor={BEGIN}&sample=100");
    assert_eq!(client.get_ok(&path).await.unwrap(), answer);
    for other in ["/comparisons/basic-sum?b=2&", "/comparisons/carts?"] {
        let answer = client.get(&format!("{other}cursor={BEGIN}")).await.unwrap();
        let problem = (answer.status, &answer.body["field"]);
        assert_eq!(problem, (400, &json!("cursor")), "{other}");
    }
    let sample = answer["sample"].as_array().unwrap();
    let differing = sample.iter().find(|row| row["key"] == "1").unwrap();
    assert_eq!(
        (
            &differing["a"]["watermark"],
            &differing["a"]["state"]["total"]
        ),
        (&json!(5), &json!(5))
    );
    assert_eq!(differing["b"]["state"]["total"], 3);
    for (query, status, field) in [
        ("a=9", 404, "a"),
        ("b=9", 404, "b"),
        ("a=0", 400, "a"),
        ("sample=101", 400, "sample"),
        ("cursor=x", 400, "cursor"),
    ] {
        let path = format!("/comparisons/basic-sum?{query}");
        let answer = client.get(&path).await.unwrap();
        assert_eq!(
            (answer.status, &answer.body["field"]),
            (status, &json!(field)),
            "{query}: {}",
            answer.body
        );
    }
    let answer = client.get("/comparisons/nothing").await.unwrap();
    assert_eq!(answer.status, 404);
}
