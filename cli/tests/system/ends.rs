//! Verbs that end without success: one table of exit codes, sentences for people
//! and problems for machines.

use crate::calls::{call, ended, rewind_in, takes, verbs, with_votes};
use serde_json::Value;
use std::process::Output;

/// The problem on the last line of standard error, with its parts checked.
fn problem(call: &[impl std::fmt::Debug], code: Option<i32>, errors: &str) -> Value {
    let last = errors.lines().last().unwrap_or_default();
    let problem: Value =
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{call:?}: {error}: {errors}"));
    for part in ["type", "title", "detail"] {
        assert!(problem[part].is_string(), "{call:?}: {problem}");
    }
    assert_eq!(
        problem["exit"].as_i64().map(|code| code as i32),
        code,
        "{call:?}: {problem}"
    );
    problem
}

#[test]
fn a_call_that_does_not_fit_is_a_problem_wherever_json_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    for verb in verbs() {
        let call = call(&verb);
        for wrong in [
            [vec!["--json".into()], call.clone(), vec!["--nope".into()]].concat(),
            [call.clone(), vec!["--json".into(), "--nope".into()]].concat(),
            vec![verb.get_name().into(), "--json".into(), "--dir".into()],
        ] {
            let Output {
                status,
                stdout,
                stderr,
            } = rewind_in(dir.path(), &wrong).output().unwrap();
            assert_eq!(status.code(), Some(2), "{wrong:?}");
            let errors = String::from_utf8(stderr).unwrap();
            assert_eq!(errors.lines().count(), 1, "{wrong:?}: {errors}");
            let problem = problem(&wrong, status.code(), &errors);
            assert_eq!(problem["type"], "urn:rewind:problem:usage");
            assert!(stdout.is_empty(), "{wrong:?}");
        }
    }
}

#[test]
fn where_no_system_answers_every_verb_says_so_in_a_sentence() {
    let dir = tempfile::tempdir().unwrap();
    // One that was killed has left its file behind.
    let dead = r#"{"dynamodb": "http://127.0.0.1:9", "kinesis": "http://127.0.0.1:9", "lambda": "http://127.0.0.1:9"}"#;
    let left = dir.path().join("dead");
    std::fs::create_dir(&left).unwrap();
    std::fs::write(left.join("endpoints.json"), dead).unwrap();
    let of_a_deployment = verbs().into_iter().filter(|verb| takes(verb, "aws"));
    for verb in of_a_deployment {
        for (place, said) in [
            (&["--dir", "none"] as &[&str], "no system runs in none"),
            (&["--json", "--dir", "none"], "no system runs in none"),
            (&["--json", "--dir", "dead"], "is `cargo run` running?"),
            (
                &["--endpoint", "http://127.0.0.1:9"],
                "is the endpoint right",
            ),
        ] {
            let place: Vec<String> = place.iter().map(ToString::to_string).collect();
            let is_json = place[0] == "--json";
            let call = [place, call(&verb)].concat();
            let output = rewind_in(dir.path(), &call).output().unwrap();
            let (code, errors) = (
                output.status.code(),
                String::from_utf8(output.stderr).unwrap(),
            );
            assert_eq!(code, Some(3), "{call:?}: {errors}");
            let detail = match is_json {
                true => problem(&call, code, &errors)["detail"].to_string(),
                false => errors.clone(),
            };
            assert!(detail.contains(said), "{call:?}: {errors}");
            assert_eq!(errors.lines().count(), 1, "{call:?}: {errors}");
            assert!(!errors.contains(" { "), "a dump: {call:?}: {errors}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_nobody_knows_are_wrong_calls_of_every_verb() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, _) = with_votes(dir).await;
    for (call, said) in [
        (&["resume", "--reader", "nope"] as &[&str], "adapter/shop"),
        (&["resume", "--stream", "poll-none"], "poll-none"),
        (&["compare", "nope"], "basic-sum"),
        (&["compare", "basic-sum", "1", "9"], "generation 9"),
        (&["replay", "--projection", "nope"], "basic-sum"),
        (&["playback", "nope"], "no playback nope"),
        (&["playback", "nope", "--pause"], "no playback nope"),
        (&["activate", "nope", "1"], "basic-sum"),
        (&["activate", "basic-sum", "9"], "basic-sum@9"),
        (&["drop", "nope", "1"], "basic-sum"),
        (&["drop", "basic-sum", "9"], "basic-sum@9"),
        (
            &["reverse", "poll-1", "99", "--reason", "r", "--yes"],
            "poll-1@99",
        ),
        (&["import", "nope.jsonl"], "nope.jsonl"),
        (&["send", "nope.jsonl"], "nope.jsonl"),
        (&["send", "--type", "vote-cast"], "is needed"),
        (&["read", "poll-none"], "no stream poll-none"),
        (&["row", "nope", "1"], "basic-sum"),
        (&["row", "basic-sum", "nope"], "no row"),
        (&["row", "basic-sum", "1", "--at", "99"], "60 versions"),
        (&["row", "basic-sum", "1", "--as-of", "then"], "RFC 3339"),
        (&["rows", "nope"], "basic-sum"),
        (&["rows", "basic-sum", "--generation", "9"], "generation 9"),
        (&["streams", "--category", "a-b"], "expected a category"),
        (&["tail", "--after", "then"], "expected a position"),
        (&["trace", "poll-1", "99"], "poll-1@99"),
        (&["check", "--only", "nope"], "basic-sum"),
        (&["dead-letters", "show"], "one OBJECT"),
        (&["dead-letters", "show", "nope"], "no object"),
        (&["dead-letters", "show", "../endpoints.json"], "no object"),
        (&["dead-letters", "retry", "nope"], "no object"),
        (&["dead-letters", "list", "nope"], "takes no OBJECT"),
        (&["function", "nope"], "nope"),
        (
            &["verify", "--events-table", "nope"],
            "no table nope at http://",
        ),
        (&["verify", "--events-table", "nope"], "--events-table"),
        (
            &["compare", "basic-sum", "--data-table", "nope"],
            "--data-table",
        ),
        (
            &[
                "reverse",
                "poll-1",
                "1",
                "--reason",
                "r",
                "--yes",
                "--incoming-stream",
                "nope",
            ],
            "--incoming-stream",
        ),
        (
            &[
                "replay",
                "--projection=basic-sum",
                "--dry-run",
                "--playback-function=nope",
            ],
            "no function nope",
        ),
    ] {
        if call[0] == "function" {
            let status = rewind_in(dir, call).status().unwrap();
            assert_eq!(status.code(), Some(2));
            continue;
        }
        let (code, out, errors) = ended(dir, call);
        assert_eq!(code, 2, "{call:?}: {out}{errors}");
        assert!(errors.contains(said), "{call:?}: {errors}");
        assert!(!errors.contains(" { "), "a dump: {call:?}: {errors}");
        let (code, _, errors) = ended(dir, &[call, &["--json"]].concat());
        let problem = problem(call, Some(code), &errors);
        assert!(
            problem["detail"].as_str().unwrap().contains(said),
            "{call:?}: {problem}"
        );
    }
}
