//! Verbs that show: the state of the system, streams, rows, playbacks, traces,
//! and a fold that has changed without its version.

use crate::calls::{ended, rewind_in, with_votes};
use crate::support::{BATCH, Killed, accept_unchecked, clients_of, vote, wait_for};
use rewind::Target;
use rewind_aws::data_table::key::Key;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

fn lines(dir: &Path, call: &[&str]) -> Vec<Value> {
    let (code, out, errors) = ended(dir, &[call, &["--json"]].concat());
    assert_eq!(code, 0, "{call:?}: {errors}");
    let lines = out.lines().map(|line| serde_json::from_str(line).unwrap());
    lines.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_rows_playbacks_and_traces_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    let said = lines(dir, &["read", "poll-1", "--from=59"]);
    let versions: Vec<&Value> = said.iter().map(|event| &event["version"]).collect();
    assert_eq!(versions, [&json!(59), &json!(60)]);
    assert_eq!(lines(dir, &["read", "poll-1", "--limit=3"]).len(), 3);
    assert_eq!(lines(dir, &["read", "poll-1", "--all"]).len(), 60);
    let (_, out, errors) = ended(dir, &["read", "poll-1", "--limit=1"]);
    assert!(
        out.starts_with("poll-1@1  ") && out.contains("vote-cast"),
        "{out}"
    );
    assert!(errors.contains("--from 2"), "{errors}");

    let row = &lines(dir, &["row", "basic-sum", "1"])[0];
    assert_eq!(row["state"]["total"], 60);
    let then = &lines(dir, &["row", "basic-sum", "1", "--at=7"])[0];
    assert_eq!(
        (&then["watermark"], &then["state"]["total"]),
        (&json!(7), &json!(7))
    );
    assert_eq!(&lines(dir, &["rows", "basic-sum", "--prefix=1"])[0], row);
    assert_eq!(lines(dir, &["rows", "basic-sum", "--prefix=9"]).len(), 0);

    let input = json!({
        "type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z",
        "product_id": "123", "user_id": "456",
    });
    let sent = client.post_ok("/inputs/shop", "application/json", &input, 202);
    sent.await.unwrap();
    wait_for(&client, "/projections/carts/456", |_| true).await;
    let found = lines(dir, &["streams", "--category=cart"]);
    assert_eq!(found[0]["stream"], "cart-456");
    assert_eq!(lines(dir, &["streams", "--limit=1"]).len(), 1);
    assert!(lines(dir, &["streams", "--all"]).len() >= 3);
    let (_, out, _) = ended(dir, &["trace", "cart-456", "1"]);
    let tree: Vec<&str> = out.lines().collect();
    assert!(
        tree[0].starts_with("input:shop-456@1  input-received"),
        "{out}"
    );
    assert!(
        tree[1].starts_with("└─ cart-456@1  product-added-to-cart"),
        "{out}"
    );
    assert!(tree[1].ends_with("<--"), "{out}");
    let trace = &lines(dir, &["trace", "cart-456", "1"])[0];
    assert_eq!(trace["event"], "cart-456@1");

    let (_, out, _) = ended(dir, &["replay", "--projection=basic-sum", "--dry-run"]);
    assert!(!out.contains("$0.0000"), "{out}");
    assert!(out.contains("less than $0.0001"), "{out}");
    let (code, ..) = ended(dir, &["replay", "--projection=basic-sum", "--id=mine"]);
    assert_eq!(code, 0);
    let played = lines(dir, &["playbacks"]);
    let mine = played.iter().find(|playback| playback["id"] == "mine");
    assert_eq!(mine.unwrap()["progress"], 1.0);
    let (_, out, _) = ended(dir, &["playbacks"]);
    assert!(out.contains("60 events to basic-sum@2"), "{out}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_follows_until_it_is_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    assert_eq!(lines(dir, &["tail", "--after=0", "--limit=7"]).len(), 7);
    let tail = ["tail", "--category=poll", "--json"];
    let mut command = rewind_in(dir, &tail);
    command.arg("--dir").arg(dir);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut tail = Killed(command.spawn().unwrap());
    // It begins with what comes from now on.
    std::thread::sleep(Duration::from_secs(2));
    let later: Vec<Value> = (0..3).map(|nth| vote("poll-7", nth)).collect();
    let later = json!(later);
    client.post_ok("/events", BATCH, &later, 202).await.unwrap();
    let mut out = BufReader::new(tail.0.stdout.take().unwrap()).lines();
    for version in 1..=3 {
        let line = out.next().unwrap().unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&event["subject"], &event["version"]),
            (&json!("poll-7"), &json!(version))
        );
    }
    let pid = tail.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(tail.0.wait().unwrap().code(), Some(130));
    let mut errors = String::new();
    tail.0
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(errors, "", "that is how a tail ends");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_names_what_is_wrong_and_is_watched() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    let (code, out, errors) = ended(dir, &["status"]);
    assert_eq!(code, 0, "{out}{errors}");
    assert!(out.starts_with("ok"), "{out}");
    let poison = json!({
        "id": "p", "source": "/test", "type": "vote-cast", "subject": "poll-2",
        "time": "2023-04-19T09:00:00Z", "data": 1,
    });
    accept_unchecked(&clients_of(dir).await, &poison).await;
    wait_for(&client, "/health", |health| health["status"] == "stalled").await;
    let slow = [
        "replay",
        "--projection=one-vote-sum",
        "--rate=2",
        "--id=slow",
        "--detach",
    ];
    assert_eq!(ended(dir, &slow).0, 0);
    let (code, out, _) = ended(dir, &["status"]);
    assert_eq!(code, 1, "{out}");
    for words in [
        "stalled",
        "basic-sum@1  poll-2@1: ",
        "slow  [",
        "playbacks: 1",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let (code, out, _) = ended(dir, &["status", "--json"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &said["status"]), (1, &json!("stalled")));
    assert_eq!(said["playbacks"][0]["id"], "slow");

    let mut command = rewind_in(dir, &["status", "--watch=1"]);
    command.arg("--dir").arg(dir).stdout(Stdio::piped());
    let mut watch = Killed(command.spawn().unwrap());
    let out = BufReader::new(watch.0.stdout.take().unwrap()).lines();
    // Block after block, as this is no terminal.
    let blocks = out
        .map(Result::unwrap)
        .filter(|line| line.starts_with("stalled  ("));
    assert_eq!(blocks.take(2).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sample_finds_rows_of_other_code() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    let input = json!({
        "type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z",
        "product_id": "123", "user_id": "456",
    });
    let sent = client.post_ok("/inputs/shop", "application/json", &input, 202);
    sent.await.unwrap();
    wait_for(&client, "/projections/products/123", |_| true).await;
    let check = &lines(dir, &["check"])[0];
    assert_eq!(check["clean"], true, "{check}");
    let rows = |name: &str| {
        let all = check["projections"].as_array().unwrap().iter();
        let mut all = all.filter(|sampled| sampled["projection"] == name);
        all.next().unwrap()["rows"].clone()
    };
    assert_eq!((rows("basic-sum"), rows("products")), (json!(1), json!(1)));
    // Rows as other code has made them, under the same version.
    let store = clients_of(dir).await.data_store("rewind-datatable");
    for (projection, key) in [("basic-sum", "1"), ("products", "123")] {
        let target = Target {
            projection: projection.into(),
            generation: 1,
        };
        let key = Key::row(&target, key);
        let mut row = store.get(&key).await.unwrap().unwrap();
        row.state = Some(json!({"old": true}));
        store.replace(&key, &row).await.unwrap();
    }
    let (code, out, _) = ended(dir, &["check"]);
    assert_eq!(code, 1, "{out}");
    for words in [
        "basic-sum@1: 1 of 1 rows differ",
        "products@1: 1 of 1",
        "raise VERSION",
        "\"old\":true",
    ] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let (code, ..) = ended(dir, &["check", "--only=carts"]);
    assert_eq!(code, 0);
    let (_, out, _) = ended(dir, &["check", "--only=products", "--events=0"]);
    assert!(out.contains("rewind verify"), "{out}");
}

#[tokio::test]
async fn partitions_are_raised_and_never_lowered() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    let of = |category: &str, more: &[&str]| {
        let call = [&["partitions", category], more].concat();
        lines(dir, &call).remove(0)
    };
    assert_eq!(of("poll", &[])["partitions"], 8);
    assert!(of("poll", &[])["written_from"].is_null());
    let raised = of("poll", &["24"]);
    assert_eq!(raised["partitions"], 24, "{raised}");
    assert!(raised["written_from"].is_string(), "{raised}");
    for (call, words) in [
        (["partitions", "poll", "16"], "never lowered"),
        (["partitions", "poll", "30"], "a multiple of 8 up to 512"),
        (["partitions", "nobody", "16"], "no category"),
    ] {
        let (code, _, error) = ended(dir, &call);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(words), "{words}: {error}");
    }
    let all = lines(dir, &["partitions"]);
    let raised = all.iter().filter(|of| of["partitions"] == 24);
    assert_eq!(raised.count(), 1, "{all:?}");
    assert!(all.len() > 3, "{all:?}");
    // What was recorded before is there for every reader.
    let events = client.get_ok("/events?category=poll").await.unwrap();
    assert!(!events["events"].as_array().unwrap().is_empty());
    let (code, out, _) = ended(dir, &["verify"]);
    assert_eq!(code, 0, "{out}");
}

#[test]
fn completions_know_every_verb() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let output = rewind_in(dir.path(), &["completions", shell])
            .output()
            .unwrap();
        let script = String::from_utf8(output.stdout).unwrap();
        for verb in ["dead-letters", "status", "replay", "--stack"] {
            let bare = verb.trim_start_matches('-');
            assert!(script.contains(bare), "{shell}: {verb}");
        }
    }
}
