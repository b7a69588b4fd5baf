//! Verbs whose reader has gone, and verbs that are interrupted.

use crate::calls::{call, ended, import_call, rewind_in, takes, verbs, with_votes};
use crate::support::{Killed, wait_for};
use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

/// A pipe whose reader has gone.
fn closed() -> std::io::PipeWriter {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer
}

/// Runs a call whose output nobody reads. Returns its exit code, and its errors
/// if those are read.
fn unheard(dir: &Path, call: &[String], errors_are_read: bool) -> (Option<i32>, String) {
    let mut command = rewind_in(dir, call);
    command.stdout(closed());
    match errors_are_read {
        true => command.stderr(Stdio::piped()),
        false => command.stderr(closed()),
    };
    let mut process = command.spawn().unwrap();
    let mut errors = String::new();
    if let Some(mut stderr) = process.stderr.take() {
        stderr.read_to_string(&mut errors).unwrap();
    }
    (process.wait().unwrap().code(), errors)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_pipe_ends_every_verb_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    import_call(dir, &client).await;
    // A rebuild to compare with and to follow, and parts to be dropped.
    let built = ["replay", "--projection=basic-sum", "--by-hand", "--id=mine"];
    assert_eq!(ended(dir, &built).0, 0);
    for _ in 0..4 {
        assert_eq!(
            ended(dir, &["replay", "--projection=basic-sum", "--first=9"]).0,
            0
        );
    }
    let mut dropped = 2;
    let mut made = 0;
    for verb in verbs() {
        let name = verb.get_name();
        if name == "function" {
            continue;
        }
        let forms: &[&[&str]] = match takes(&verb, "json") {
            true => &[&[], &["--json"]],
            false => &[&[]],
        };
        for (form, errors_are_read) in forms.iter().flat_map(|form| [(form, true), (form, false)]) {
            let mut call = call(&verb);
            let more: &[&str] = match name {
                "playback" => {
                    call[1] = "mine".into();
                    &[]
                }
                // The first one is upgraded.
                "new" => {
                    call[1] = "my-shop".to_owned() + &"-2".repeat(made);
                    made += 1;
                    &[]
                }
                "drop" => {
                    dropped += 1;
                    call[2] = dropped.to_string();
                    &[]
                }
                "replay" | "reverse" => &["--dry-run"],
                // `export` writes its events to standard output, and their
                // number to standard error.
                _ => &[],
            };
            call.extend(more.iter().chain(*form).map(ToString::to_string));
            if takes(&verb, "dir") {
                call.extend(["--dir".into(), dir.display().to_string()]);
            }
            let (code, errors) = unheard(dir, &call, errors_are_read);
            assert_eq!(code, Some(141), "{call:?}: {errors}");
            for words in ["panicked", "Broken pipe", "rewind: ", "urn:"] {
                assert!(!errors.contains(words), "{call:?}: {errors}");
            }
        }
    }
    // The local system stops as well, and properly.
    let folder = dir.join("other");
    let up = ["--port=0".into(), format!("--dir={}", folder.display())];
    let (code, errors) = unheard(dir, &up, true);
    assert_eq!((code, errors.as_str()), (Some(141), ""));
    assert!(folder.is_dir() && !folder.join("endpoints.json").exists());

    // One that keeps nothing leaves the folder of another alone.
    let mut ephemeral = rewind_in(dir, &["--ephemeral", "--port=0"]);
    ephemeral.env("REWIND_DIR", dir).stdout(closed());
    assert_eq!(ephemeral.status().unwrap().code(), Some(141));
    assert!(dir.join("endpoints.json").exists());

    // As it is met: the first line of many.
    for call in ["export", "compare basic-sum"] {
        let program = env!("CARGO_BIN_EXE_rewind");
        let line = format!("{program} {call} --dir {} | head -n 1", dir.display());
        let Output { stdout, stderr, .. } =
            Command::new("sh").args(["-c", &line]).output().unwrap();
        assert_eq!(stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
        let errors = String::from_utf8(stderr).unwrap();
        let errors: Vec<&str> = errors
            .lines()
            .filter(|line| !line.ends_with(" events"))
            .collect();
        assert_eq!(errors, [""; 0], "{call}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_replay_says_that_it_continues_and_how_to_cancel_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let (_process, client) = with_votes(dir).await;
    let slow = ["replay", "--projection=basic-sum", "--rate=2", "--id=slow"];
    let follow = ["playback", "slow"];
    let mut told = String::new();
    for (call, signal, code) in [(&slow as &[&str], "-INT", 130), (&follow, "-TERM", 143)] {
        let process = rewind_in(dir, call)
            .arg("--dir")
            .arg(dir)
            .stderr(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut process = Killed(process.unwrap());
        wait_for(&client, "/playbacks/slow", |playback| {
            playback["state"] == "replaying"
        })
        .await;
        // The verb follows by then: its handler is registered long before.
        std::thread::sleep(Duration::from_millis(500));
        let pid = process.0.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        let asked = Instant::now();
        let status = process.0.wait().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(5));
        assert_eq!(status.code(), Some(code), "{call:?}");
        let errors = BufReader::new(process.0.stderr.take().unwrap());
        told = errors.lines().last().unwrap().unwrap();
        assert!(
            told.starts_with("rewind: playback slow continues"),
            "{told}"
        );
    }
    let state = client.get_ok("/playbacks/slow").await.unwrap();
    assert_eq!(state["state"], "replaying", "{state}");
    // The call in the message works.
    let call = told
        .split('`')
        .find(|part| part.contains("--cancel"))
        .unwrap();
    let call: Vec<&str> = call.split(' ').skip(1).collect();
    let Output { status, stderr, .. } = rewind_in(dir, &call).output().unwrap();
    assert!(
        status.success(),
        "{call:?}: {}",
        String::from_utf8_lossy(&stderr)
    );
    let state = client.get_ok("/playbacks/slow").await.unwrap();
    assert_eq!(state["state"], "cancelled", "{state}");
}
