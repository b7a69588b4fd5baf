//! docs/rebuild.md: every command of the page, with the output shown, on real
//! systems that are deployed three times, while people vote and read.
//!
//! The program is its own `rewind` command: under a name that ends in the
//! number of a deployment it is that deployment's.

#[path = "../shared/console.rs"]
mod console;
#[path = "../shared/deployed.rs"]
mod deployed;
mod domain;

use console::{Shown, curl, normalized, shown};
use deployed::{System, deploy, deployment, root, verb};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::ExitCode,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// What readers may see of the poll on lunch: what one of the three versions
/// makes of all of it.
const WHOLE: [u64; 3] = [150, 100, 77];

/// Which version each `cargo run` of the page deploys.
const DEPLOYED: [usize; 4] = [1, 2, 3, 2];

/// Votes on dinner that come in during each rebuild, and how far apart.
const DINNERS: usize = 40;
const APART: Duration = Duration::from_millis(20);

fn main() -> ExitCode {
    let program = std::env::current_exe().unwrap();
    match deployment(&program) {
        Some(1) => rewind_cli::run(|| domain::deployed(1)),
        Some(2) => rewind_cli::run(|| domain::deployed(2)),
        Some(_) => rewind_cli::run(|| domain::deployed(3)),
        None => {
            tell(&program);
            println!("the story of docs/rebuild.md ... ok");
            ExitCode::SUCCESS
        }
    }
}

fn tell(program: &Path) {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let deployments = [1, 2, 3].map(|nth| deploy(program, dir.path(), nth));
    let deployed = |nth: usize| &deployments[nth - 1];
    let reader = Reader::start();
    let mut system: Option<System> = None;
    let (mut runs, mut nth, mut dinners) = (0, 0, 0);
    for Shown { command, output } in shown(&root().join("docs/rebuild.md")) {
        println!("$ {command}");
        if command == "cargo run" {
            reader.look_at(None);
            drop(system.take());
            nth = DEPLOYED[runs];
            runs += 1;
            let started = System::start(deployed(nth), &state);
            reader.look_at(Some(started.url.clone()));
            system = Some(started);
            continue;
        }
        let url = &system.as_ref().expect("a system").url;
        if let Some(arguments) = command.strip_prefix("cargo run -- ") {
            // People vote on while a generation is built.
            let is_rebuild = arguments.starts_with("replay")
                && !arguments.contains("--dry-run")
                && !arguments.contains("--stream");
            let voting = is_rebuild.then(|| vote_on_dinner(url, &mut dinners));
            let found = verb(deployed(nth), &state, arguments);
            if let Some(voting) = voting {
                voting.join().unwrap();
                wait_for_dinner(url, dinners);
            }
            let (found, shown) = (normalized(&found), normalized(&output));
            if is_rebuild {
                // How many votes on dinner came before it is up to time.
                let of = |text: &str| text.replacen(|c: char| c.is_ascii_digit(), "", 3);
                assert_eq!(of(&found), of(&shown), "{command}");
            } else {
                assert_eq!(found, shown, "{command}");
            }
        } else {
            curl(&command, url, &normalized(&output));
        }
    }
    assert!(
        runs == DEPLOYED.len() && dinners == 2 * DINNERS,
        "the whole story was told"
    );
    drop(system);
    reader.stop();
}

/// Sends votes on dinner, each by somebody else, one after the other.
fn vote_on_dinner(url: &str, sent: &mut usize) -> thread::JoinHandle<()> {
    let (url, first) = (url.to_string(), *sent);
    *sent += DINNERS;
    thread::spawn(move || {
        for nth in first..first + DINNERS {
            let vote = json!({
                "specversion": "1.0", "id": format!("dinner/{nth}"), "source": "/canteen",
                "type": "vote-cast", "subject": "poll-dinner",
                "data": {"user": format!("user-{nth:03}"), "choice": "chips"},
            });
            let sent = http(&url, "POST", "/events", &vote.to_string());
            assert!(sent.is_some(), "the vote is taken");
            thread::sleep(APART);
        }
    })
}

fn wait_for_dinner(url: &str, votes: usize) {
    for _ in 0..500 {
        let row = http(url, "GET", "/projections/sum/dinner", "");
        if row.is_some_and(|row| row["state"]["total"] == votes) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("not all votes on dinner count");
}

/// Somebody who looks at the poll on lunch all the time.
struct Reader {
    at: Arc<Mutex<Option<String>>>,
    is_over: Arc<AtomicBool>,
    thread: thread::JoinHandle<u64>,
}

impl Reader {
    fn start() -> Self {
        let at: Arc<Mutex<Option<String>>> = Arc::default();
        let is_over = Arc::new(AtomicBool::new(false));
        let (looks_at, ends) = (at.clone(), is_over.clone());
        let thread = thread::spawn(move || {
            let mut looks = 0;
            let mut was_whole = false;
            while !ends.load(Ordering::SeqCst) {
                // Nobody deploys while somebody looks.
                let url = looks_at.lock().unwrap();
                if let Some(url) = url.as_deref()
                    && let Some(row) = http(url, "GET", "/projections/sum/lunch", "")
                {
                    let total = row["state"]["total"].as_u64().unwrap();
                    let watermark = row["watermark"].as_u64().unwrap();
                    // Before the last vote came in, and once one is reversed,
                    // other numbers are right.
                    was_whole |= watermark == 150;
                    if was_whole && watermark == 150 {
                        assert!(WHOLE.contains(&total), "a half-built row: {row}");
                        looks += 1;
                    }
                    assert!(!was_whole || watermark >= 150, "a half-built row: {row}");
                }
                drop(url);
                thread::sleep(Duration::from_millis(3));
            }
            looks
        });
        Self {
            at,
            is_over,
            thread,
        }
    }

    fn look_at(&self, url: Option<String>) {
        *self.at.lock().unwrap() = url;
    }

    fn stop(self) {
        self.is_over.store(true, Ordering::SeqCst);
        let looks = self.thread.join().expect("no reader saw a half-built row");
        println!("{looks} looks at the poll, each of a whole row");
        assert!(looks > 100);
    }
}

/// A request, its answer if it is a success. One that cannot be sent is none.
fn http(url: &str, method: &str, path: &str, body: &str) -> Option<Value> {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).ok()?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/cloudevents+json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .ok()?;
    let mut reader = BufReader::new(stream);
    let mut status = String::new();
    reader.read_line(&mut status).ok()?;
    let is_success = status.split(' ').nth(1)?.starts_with('2');
    let mut header = String::new();
    while reader.read_line(&mut header).ok()? > 2 {
        header.clear();
    }
    let body: Value = serde_json::from_reader(reader).ok()?;
    is_success.then_some(body)
}
