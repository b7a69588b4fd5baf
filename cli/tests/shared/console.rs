//! Pages whose commands are tests: what their `console` blocks show is what is
//! printed.
#![allow(dead_code, reason = "each page uses its own part")]

use regex::Regex;
use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// A command of a page, and what the page says that it prints.
pub struct Shown {
    pub command: String,
    pub output: String,
}

/// The commands in a page's `console` blocks, in order.
pub fn shown(page: &Path) -> Vec<Shown> {
    let page = std::fs::read_to_string(page).unwrap();
    let mut shown: Vec<Shown> = Vec::new();
    for block in page.split("```console\n").skip(1) {
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
pub fn normalized(text: &str) -> String {
    let mut text = text.trim().to_string();
    for (pattern, word) in [
        (r"127\.0\.0\.1:\d+", "ADDRESS"),
        (r"[0-9a-f]{8}-[0-9a-f-]{27}", "ID"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", "TIME"),
        (r"\d{16}", "POSITION"),
        (r"\b[0-9a-f]{16}\b", "CHECKSUM"),
        (r" *\d+ ms", " N ms"),
        (r" *\d+ MB", " N MB"),
        (r"\d+ records", "N records"),
        // Snapshots and intents are among them.
        (r"other items +\d+", "other items N"),
        (r"deleted \d+ items", "deleted N items"),
    ] {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, word)
            .into_owned();
    }
    text
}

/// Runs a shell command. What only reads is tried until it prints what the
/// README shows: rows follow their events within moments.
pub fn curl(command: &str, url: &str, expected: &str) {
    let local = command.replace("http://127.0.0.1:8080", url);
    let started = Instant::now();
    loop {
        let output = Command::new("sh")
            .args(["-c", &local.replacen("curl ", "curl -sS ", 1)])
            .output();
        let output = output.unwrap();
        let found = normalized(&String::from_utf8_lossy(&output.stdout));
        if found == expected && output.status.success() {
            return;
        }
        let is_over = command.contains(" -d ") || started.elapsed() > Duration::from_secs(20);
        assert!(
            !is_over,
            "{command}\n  prints {found}\n  not    {expected}\n{output:?}"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
}
