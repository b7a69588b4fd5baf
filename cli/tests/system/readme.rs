//! The README: every command in it works as printed, with the output shown.

#[path = "../shared/console.rs"]
mod console;

use crate::support::{Killed, root};
use console::{Shown, curl, normalized, shown};
use regex::Regex;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

fn rewind(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rewind"));
    command.current_dir(dir).env("REWIND_PORT", "0");
    command.env("REWIND_TEMPLATE", root().join("template.yaml"));
    command
}

#[test]
fn every_command_of_the_readme_works_as_printed() {
    let dir = tempfile::tempdir().unwrap();
    let mut shown = shown(&root().join("README.md")).into_iter().peekable();
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
