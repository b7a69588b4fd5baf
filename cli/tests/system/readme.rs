//! The README: every command in it works as printed, with the output shown.

use crate::support::{Killed, root};
use regex::Regex;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// A command of the README, and what it says that it prints.
struct Shown {
    command: String,
    output: String,
}

/// The commands in the README's `console` blocks, in order.
fn shown() -> Vec<Shown> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let mut shown: Vec<Shown> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            match line.strip_prefix("$ ") {
                Some(command) => shown.push(Shown {
                    command: command.to_string(),
                    output: String::new(),
                }),
                None => {
                    let last = shown.last_mut().expect("a command before its output");
                    last.output.push_str(line);
                    last.output.push('\n');
                }
            }
        }
    }
    shown
}

/// Takes out what differs from run to run: ports, ids, times, measurements.
fn normalized(text: &str) -> String {
    let mut text = text.trim().to_string();
    for (pattern, word) in [
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME"),
        (r"\d{16}", "POSITION"),
        (r" *\d+ ms", " N ms"),
        (r" *\d+ MB", " N MB"),
        (r"\d+ records", "N records"),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, word)
            .into_owned();
    }
    text
}

fn rewind(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    command.current_dir(dir).env("REWIND_PORT", "0");
    command.env("REWIND_TEMPLATE", root().join("template.yaml"));
    command
}

/// Runs a shell command. What only reads is tried until it prints what the
/// README shows: rows follow their events within moments.
fn curl(command: &str, url: &str, expected: &str) {
    let local = command.replace("http://127.0.0.1:8080", url);
    let started = Instant::now();
    loop {
        let output = Command::new("sh")
            .args(["-c", &local.replacen("curl ", "curl -sS ", 1)])
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{command}: {output:?}");
        let found = normalized(&String::from_utf8(output.stdout).unwrap());
        if found == expected {
            return;
        }
        let is_over = command.contains(" -d ") || started.elapsed() > Duration::from_secs(20);
        assert!(!is_over, "{command}\n  prints {found}\n  not    {expected}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn every_command_of_the_readme_works_as_printed() {
    let dir = tempfile::tempdir().unwrap();
    let mut shown = shown().into_iter().peekable();
    let up = shown.next().expect("a first command");
    assert_eq!(up.command, "cargo run");
    let system = rewind(dir.path()).stdout(Stdio::piped()).spawn();
    let mut system = Killed(system.unwrap());
    let mut printed = String::new();
    let mut lines = BufReader::new(system.0.stdout.take().unwrap()).lines();
    while !printed.contains("Ctrl-C") {
        printed.push_str(&lines.next().expect("a line").unwrap());
        printed.push('\n');
    }
    assert_eq!(normalized(&printed), normalized(&up.output));
    let url = Regex::new(r"http://127\.0\.0\.1:\d+").unwrap();
    let url = url.find(&printed).unwrap().as_str().to_string();
    let mut tried = 0;
    for Shown { command, output } in shown {
        let expected = normalized(&output);
        match command.as_str() {
            "cargo test --workspace" => {}
            "cargo run -- demo" => {
                let template = root().join("template.yaml");
                let output = rewind(dir.path())
                    .args(["demo", "--template"])
                    .arg(template)
                    .output();
                let output = output.unwrap();
                let found = normalized(&String::from_utf8(output.stdout).unwrap());
                assert!(output.status.success(), "{found}");
                assert_eq!(found, expected);
            }
            "cargo run -- verify" => {
                let output = rewind(dir.path()).arg("verify").output().unwrap();
                let found = normalized(&String::from_utf8(output.stdout).unwrap());
                assert!(output.status.success(), "{found}");
                assert_eq!(found, expected);
            }
            curling if curling.starts_with("curl ") => {
                tried += 1;
                curl(curling, &url, &expected);
            }
            other => panic!("nothing tries {other}"),
        }
    }
    assert!(tried >= 8, "only {tried} calls");
}
