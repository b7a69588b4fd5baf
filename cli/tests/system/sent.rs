//! Verbs that send: events from options, files and pipes, item by item; and dead
//! letters that are put onto their stream again.

use crate::aws::Aws;
use crate::calls::{ended, rewind_in, with_votes};
use crate::client::Client;
use crate::support::{clients_of, rewind, wait_for};
use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{Batch, CloudEvent};
use rewind_aws::{aws::objects::Object, data_table::dead_letter};
use serde_json::{Value, json};
use std::{
    io::Write,
    path::Path,
    process::{Output, Stdio},
};

fn vote(id: &str, choice: &Value) -> Value {
    json!({
        "id": id, "source": "/test", "type": "vote-cast", "subject": "poll-2",
        "data": {"user": id, "choice": choice},
    })
}

/// Sends a text through a pipe. Returns the exit code, the lines and the errors.
fn piped(dir: &Path, text: &str, options: &[&str]) -> (i32, Vec<Value>, String) {
    let mut command = rewind_in(dir, &["send", "-", "--json", "--wait", "30"]);
    command.args(options).arg("--dir").arg(dir);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
    // One that does not read on has said why.
    let _ = process.stdin.take().unwrap().write_all(text.as_bytes());
    let Output {
        status,
        stdout,
        stderr,
    } = process.wait_with_output().unwrap();
    let lines = String::from_utf8(stdout).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let errors = String::from_utf8(stderr).unwrap();
    assert!(!errors.contains("panicked"), "{errors}");
    (status.code().unwrap(), lines.collect(), errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_are_sent_from_options_files_and_pipes_and_answered_item_by_item() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, url) = rewind(dir);
    let client = Client::new(url);
    let data = r#"{"user": "ann", "choice": "chips"}"#;
    let one = [
        "send",
        "--type=vote-cast",
        "--subject=poll-2",
        "--data",
        data,
        "--wait",
        "30",
        "--id=a",
    ];
    let (code, out, errors) = ended(dir, &one);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(out, "item 1: recorded as poll-2@1  /cli a\n");
    // Once more it is a repeat, and recorded once.
    assert_eq!(ended(dir, &one).1, out);

    // A bad event does no harm to those around it.
    let (good, bad) = (json!("chips"), json!(5));
    let some = [vote("b", &good), vote("c", &bad), vote("d", &good)];
    let lines: Vec<String> = some.iter().map(ToString::to_string).collect();
    for text in [json!(some).to_string(), lines.join("\n")] {
        let (code, said, errors) = piped(dir, &text, &[]);
        assert_eq!(code, 1, "{errors}");
        let problem: Value = serde_json::from_str(errors.lines().last().unwrap()).unwrap();
        assert_eq!(problem["exit"], 1);
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("item 2: data.choice"),
            "{problem}"
        );
        let versions: Vec<&Value> = said.iter().map(|item| &item["version"]).collect();
        assert_eq!(versions, [&json!(2), &json!(null), &json!(3), &json!(null)]);
        assert_eq!(said[1]["problem"]["field"], "data.choice");
        assert_eq!(
            said[3],
            json!({"accepted": 2, "refused": 1, "unavailable": 0})
        );
    }
    // One event over several lines is one.
    let (code, said, _) = piped(dir, &format!("{:#}", vote("e", &good)), &[]);
    assert_eq!((code, &said[0]["version"]), (0, &json!(4)));

    // What is no JSON ends it: what stands before is sent.
    let (code, said, errors) = piped(dir, &format!("{}\n{{\"a\": nope\n", vote("f", &good)), &[]);
    assert_eq!((code, &said[0]["version"]), (1, &json!(5)), "{errors}");
    assert!(
        errors.contains("item 2") && errors.contains("line 2"),
        "{errors}"
    );
    for (text, exit) in [
        ("", 2),
        ("[]", 2),
        ("[{", 2),
        ("5", 1),
        ("\u{0}", 1),
        ("[1, [2]]", 1),
    ] {
        let (code, _, errors) = piped(dir, text, &[]);
        assert_eq!(code, exit, "{text:?}: {errors}");
    }
    let many: Vec<String> = (0..1200)
        .map(|nth| vote(&format!("many-{nth}"), &good).to_string())
        .collect();
    let (code, said, errors) = piped(dir, &many.join("\n"), &[]);
    assert_eq!((code, said.len()), (0, 1201), "{errors}");
    wait_for(&client, "/projections/basic-sum/2", |row| {
        row["state"]["total"] == 1205
    })
    .await;
}

/// A letter as the local system writes it.
fn letter(stream: &str, event: &Value) -> Value {
    let event: CloudEvent = serde_json::from_str(&event.to_string()).unwrap();
    let key = event.stream.to_string();
    let data = STANDARD.encode(&Batch::encode(&[event]).remove(0).text);
    json!({
        "requestContext": {
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:rewind-pump",
            "condition": "RetryAttemptsExhausted", "approximateInvokeCount": 101,
        },
        "KinesisBatchInfo": {
            "shardId": "shardId-000000000000",
            "streamArn": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"),
        },
        "timestamp": "2026-11-30T09:00:00Z",
        "payload": {"Records": [{"kinesis": {"partitionKey": key, "data": data}}]},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_is_shown_and_its_records_come_back_once() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    let store = clients_of(dir).await.data_store("rewind-datatable");
    let folder = dir.join("dead-letters/rewind-pump");
    std::fs::create_dir_all(&folder).unwrap();
    let mut event = vote("lost", &json!("chips"));
    event["time"] = "2026-11-30T09:00:00Z".into();
    for (name, stream) in [
        ("mine.json", "rewind-incomingstream"),
        ("other.json", "elsewhere"),
    ] {
        std::fs::write(folder.join(name), letter(stream, &event).to_string()).unwrap();
        let key = format!("rewind-pump/{name}");
        let time = "2026-11-30T09:00:00Z".parse().unwrap();
        let object = Object {
            key,
            bytes: Some(5),
            time,
        };
        dead_letter::keep(&store, object).await.unwrap();
    }
    let (code, out, _) = ended(dir, &["status"]);
    assert_eq!(code, 1, "{out}");
    assert!(
        out.contains("dead letters") && out.contains("rewind-pump/mine.json"),
        "{out}"
    );
    let (code, out, _) = ended(dir, &["dead-letters"]);
    assert_eq!((code, out.lines().count()), (0, 2), "{out}");
    let (_, out, errors) = ended(dir, &["dead-letters", "show", "rewind-pump/mine.json"]);
    for words in ["101 tries", "rewind-incomingstream", "poll-2", "vote-cast"] {
        assert!(out.contains(words), "{out}{errors}");
    }
    let retry = ["dead-letters", "retry", "rewind-pump/mine.json", "--json"];
    // Twice: the events are recorded once.
    for _ in 0..2 {
        let (code, out, errors) = ended(dir, &retry);
        assert_eq!(code, 0, "{errors}");
        let said: Value = serde_json::from_str(&out).unwrap();
        assert_eq!(said["stream"], "rewind-incomingstream");
    }
    let noted = client.get_ok("/operations").await.unwrap();
    let noted = noted["operations"].as_array().unwrap().iter();
    let retried = noted.filter(|operation| operation["what"] == "retried");
    let about: Vec<&Value> = retried.map(|operation| &operation["about"]).collect();
    assert_eq!(about, ["rewind-pump/mine.json"; 2], "one for each call");
    wait_for(&client, "/projections/basic-sum/2", |row| {
        row["state"]["total"] == 1
    })
    .await;
    // That of another system's stays where it is.
    let (code, _, errors) = ended(dir, &["dead-letters", "retry", "--all"]);
    assert!(
        code == 1 && errors.contains("elsewhere"),
        "{code}: {errors}"
    );
    let (_, out, _) = ended(dir, &["dead-letters", "list", "--json"]);
    let left: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(left[0]["object"], "rewind-pump/other.json");
    assert_eq!(left[1], json!({"dead_letters": 1, "more": false}));
    // A file that is no letter is said to be none.
    std::fs::write(folder.join("other.json"), "{}").unwrap();
    let (code, _, errors) = ended(dir, &["dead-letters", "show", "rewind-pump/other.json"]);
    assert!(
        code == 3 && errors.contains("as Lambda writes it"),
        "{errors}"
    );
}

#[test]
fn on_aws_a_letter_is_asked_of_the_bucket() {
    let dir = tempfile::tempdir().unwrap();
    let aws = Aws::start();
    let call = ["dead-letters", "show", "a/b c", "--stack", "rewind"];
    let mut command = rewind_in(dir.path(), &call);
    aws.lead_here(&mut command);
    let output = command.output().unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("as Lambda writes it"), "{errors}");
    let asked = aws.asked();
    let got = asked
        .iter()
        .find(|asked| asked.operation.starts_with("GET "));
    let got = got.unwrap_or_else(|| panic!("{asked:?}"));
    assert!(
        got.operation.contains("/rewind-deadletters/a/b%20c"),
        "{got:?}"
    );
    assert_eq!(got.signed, "operator/eu-central-1/s3");
}
