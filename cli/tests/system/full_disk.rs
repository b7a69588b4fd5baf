//! The disk is full several times, and the system is killed meanwhile: every
//! accepted event is recorded once.
//!
//! The disk is a small tmpfs, which only root can mount. Without root, the test
//! prints that and passes.

use crate::{
    client::Client,
    support::{BATCH, Killed, root, stream, vote},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// How long the system may take to record what it has accepted, once there is
/// space.
const SECONDS: Duration = Duration::from_secs(20);

/// A mounted tmpfs.
struct Disk {
    _dir: tempfile::TempDir,
    at: PathBuf,
}

impl Disk {
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("disk");
        std::fs::create_dir(&at).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"]);
        match mount.arg(&at).output() {
            Ok(output) if output.status.success() => Some(Self { _dir: dir, at }),
            Ok(output) => {
                let reason = String::from_utf8_lossy(&output.stderr);
                println!("skipped: a tmpfs cannot be mounted ({})", reason.trim());
                None
            }
            Err(error) => {
                println!("skipped: `mount` cannot be run ({error})");
                None
            }
        }
    }

    fn fill(&self) {
        let mut filler = File::create(self.at.join("filler")).unwrap();
        for size in [64 * 1024, 1] {
            while filler.write_all(&vec![0; size]).is_ok() {}
        }
    }

    fn empty(&self) {
        std::fs::remove_file(self.at.join("filler")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // It may still be written to.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// Starts the system; its standard error goes to a file. [`None`] when it does
/// not start.
fn rewind(dir: &Path, errors: &Path) -> Option<(Killed, String)> {
    let process = Command::new(env!("CARGO_BIN_EXE_rewind"))
        .args(["--port", "0", "--dir"])
        .arg(dir)
        .current_dir(root())
        .stdout(Stdio::piped())
        .stderr(
            File::options()
                .create(true)
                .append(true)
                .open(errors)
                .unwrap(),
        )
        .spawn();
    let mut process = Killed(process.unwrap());
    let mut lines = BufReader::new(process.0.stdout.take().unwrap()).lines();
    let first = lines.next()?.unwrap();
    let url = first[first.find("http://")?..].split_whitespace().next()?;
    std::thread::spawn(move || lines.for_each(drop));
    Some((process, url.to_string()))
}

/// The state that the senders share.
#[derive(Default)]
struct Sent {
    accepted: Mutex<BTreeSet<String>>,
    refused: AtomicUsize,
    slowest_refusal_ms: AtomicUsize,
    is_over: AtomicBool,
}

/// Sends batches of votes to one stream until it is over.
async fn send(client: Client, sender: usize, round: usize, sent: Arc<Sent>) {
    let stream = format!("poll-{sender}");
    for batch in 0.. {
        if sent.is_over.load(Ordering::SeqCst) {
            return;
        }
        let first = round * 1_000_000 + batch * 5;
        let mut votes: Vec<Value> = (first..first + 5).map(|nth| vote(&stream, nth)).collect();
        votes[0]["data"]["padding"] = json!("x".repeat(2_000));
        let begun = Instant::now();
        let body = json!(votes).to_string();
        match client.post("/events", BATCH, body).await {
            Ok(answer) if answer.status == 202 => {
                let ids = votes
                    .iter()
                    .map(|vote| vote["id"].as_str().unwrap().to_string());
                sent.accepted.lock().unwrap().extend(ids);
            }
            Ok(answer) if answer.status == 503 => {
                let detail = answer.body["detail"].as_str().unwrap_or_default();
                assert!(detail.contains("disk"), "{}", answer.body);
                sent.refused.fetch_add(1, Ordering::SeqCst);
                let ms = begun.elapsed().as_millis() as usize;
                sent.slowest_refusal_ms.fetch_max(ms, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            // The disk became full during the request: some of its events may be
            // accepted. The results tell which.
            Ok(answer) if answer.status == 207 => {
                let results = answer.body["results"].as_array().unwrap().clone();
                let ids = results
                    .iter()
                    .filter(|item| item["status"] == 202)
                    .map(|item| item["id"].as_str().unwrap().to_string());
                sent.accepted.lock().unwrap().extend(ids);
            }
            Ok(answer) => panic!("{}: {}", answer.status, answer.body),
            // The system is gone.
            Err(_) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_and_needs_no_restart() {
    let Some(disk) = Disk::mount() else { return };
    let (dir, errors) = (disk.at.join("state"), disk._dir.path().join("errors"));
    let sent: Arc<Sent> = Arc::default();
    let (mut process, url) = rewind(&dir, &errors).unwrap();
    let mut client = Client::new(url);
    for round in 0..3 {
        sent.is_over.store(false, Ordering::SeqCst);
        let senders: Vec<_> = (0..3)
            .map(|sender| tokio::spawn(send(client.clone(), sender, round, sent.clone())))
            .collect();
        tokio::time::sleep(Duration::from_millis(800)).await;
        let before = sent.accepted.lock().unwrap().len();
        assert!(before > 0, "nothing was accepted");
        disk.fill();
        // Requests that had begun are retried for some seconds. Later requests
        // are refused at once.
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let begun = Instant::now();
        while sent.refused.load(Ordering::SeqCst) < 20 {
            assert!(begun.elapsed() < SECONDS, "nothing is refused");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sent.refused.store(0, Ordering::SeqCst);
        // Reads are answered meanwhile.
        assert_eq!(client.get("/health").await.unwrap().status, 200);
        let at_full = sent.accepted.lock().unwrap().len();
        if round == 1 {
            // With SIGKILL. A start on the full disk reports the reason.
            drop(process);
            assert!(rewind(&dir, &errors).is_none(), "it starts on a full disk");
            disk.empty();
            let again = rewind(&dir, &errors).unwrap();
            process = again.0;
            client = Client::new(again.1);
        } else {
            disk.empty();
            let begun = Instant::now();
            while sent.accepted.lock().unwrap().len() == at_full {
                assert!(
                    begun.elapsed() < Duration::from_secs(5),
                    "it does not recover"
                );
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        sent.is_over.store(true, Ordering::SeqCst);
        for sender in senders {
            sender.await.unwrap();
        }
        let begun = Instant::now();
        for sender in 0..3 {
            let name = format!("poll-{sender}");
            let of_stream = format!("{name}/");
            loop {
                let events = stream(&client, &name).await;
                let ids: BTreeSet<&str> = events
                    .iter()
                    .map(|event| event["id"].as_str().unwrap())
                    .collect();
                assert_eq!(ids.len(), events.len(), "an event is recorded twice");
                let missing = {
                    let accepted = sent.accepted.lock().unwrap();
                    let of_stream = accepted.iter().filter(|id| id.starts_with(&of_stream));
                    of_stream.filter(|id| !ids.contains(id.as_str())).count()
                };
                if missing == 0 {
                    break;
                }
                assert!(
                    begun.elapsed() < SECONDS,
                    "{name}: {missing} are not recorded"
                );
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        println!(
            "all is recorded {:?} after there was space",
            begun.elapsed()
        );
    }
    // A refusal comes without delay.
    let slowest = sent.slowest_refusal_ms.load(Ordering::SeqCst);
    assert!(slowest < 10_000, "{slowest} ms for a refusal");
    drop(process);
    let said = std::fs::read_to_string(&errors).unwrap();
    let count = |words: &str| said.lines().filter(|line| line.contains(words)).count();
    // One message for each time, and one of the start.
    assert_eq!(
        count("the disk is full: requests that write are refused"),
        3,
        "{said}"
    );
    assert_eq!(count("the disk is full: 0 MB are free"), 1, "{said}");
    assert!(
        !said.contains("corrupt") && !said.contains("panicked"),
        "{said}"
    );
    for log in std::fs::read_dir(dir.join("logs")).unwrap() {
        let log = std::fs::read_to_string(log.unwrap().path()).unwrap();
        assert!(!log.contains("panicked"), "{log}");
    }
}
