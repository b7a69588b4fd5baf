//! A client. It sends each command one to three times, at about the same moment,
//! and remembers what it was told.

use super::plan::Plan;
use futures::future::join_all;
use indicatif::ProgressBar;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind_cli::client::{Answer, Client};
use serde_json::{Value, json};
use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What became of a command, as a client was told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// These events were recorded, as `stream@version`.
    Applied(Vec<String>),
    /// The rejection.
    Rejected(Value),
}

/// The answers to all clients.
pub struct Sent {
    next: AtomicU64,
    told: Mutex<Vec<Vec<Told>>>,
    wrong: Mutex<Vec<String>>,
    requests: AtomicU64,
    failures: AtomicU64,
}

impl Told {
    /// Returns what an answer to a command says; `None` where there is no outcome.
    pub fn of(answer: &Answer) -> Option<Self> {
        let body = &answer.body;
        let text = |of: &Value| of.as_str().unwrap_or_default().to_string();
        match (answer.status, text(&body["outcome"]).as_str()) {
            (200, "applied") => {
                let events = body["events"].as_array().into_iter().flatten();
                let place =
                    |event: &Value| format!("{}@{}", text(&event["subject"]), event["version"]);
                Some(Self::Applied(events.map(place).collect()))
            }
            (200 | 422, "rejected") => {
                let rejection = &body["rejection"];
                Some(Self::Rejected(json!([
                    rejection["name"],
                    rejection["data"]
                ])))
            }
            _ => None,
        }
    }
}

impl Sent {
    /// Starts without answers to a number of commands.
    pub fn new(commands: u64) -> Self {
        Self {
            next: AtomicU64::new(0),
            told: Mutex::new(vec![Vec::new(); commands as usize]),
            wrong: Mutex::default(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }
    }

    /// Returns what all clients were told of a command.
    pub fn told(&self, number: u64) -> Vec<Told> {
        locked(&self.told)[number as usize].clone()
    }

    /// Returns the answers that no command may have.
    pub fn wrong(&self) -> Vec<String> {
        locked(&self.wrong).clone()
    }

    fn answered(&self, number: u64, answer: Result<Answer, String>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        match answer {
            Ok(answer) if answer.status < 500 => match Told::of(&answer) {
                Some(told) => locked(&self.told)[number as usize].push(told),
                None => {
                    let (status, body) = (answer.status, answer.body);
                    locked(&self.wrong).push(format!("command {number}: {status} {body}"));
                }
            },
            Ok(_) | Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Sends until all commands are sent.
pub async fn client(nth: u64, plan: &Plan, client: &Client, sent: &Sent, bar: &ProgressBar) {
    let mut dice = SmallRng::seed_from_u64(plan.seed().wrapping_add(nth + 1));
    loop {
        let number = sent.next.fetch_add(1, Ordering::Relaxed);
        if number >= plan.commands() {
            return;
        }
        let (path, body) = plan.command(number);
        let body = body.to_string();
        let times = dice.random_range(1..=3);
        // At once, or one after the other.
        let pauses = (0..times).map(|nth| nth * dice.random_range(0..60));
        let requests = pauses.map(|pause| {
            let (path, body) = (&path, body.clone());
            async move {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                let answer = client.post(path, "application/json", body).await;
                sent.answered(number, answer);
            }
        });
        join_all(requests.collect::<Vec<_>>()).await;
        bar.inc(1);
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = locked(&self.told);
        let answered = told.iter().filter(|told| !told.is_empty());
        let [requests, failures] =
            [&self.requests, &self.failures].map(|n| n.load(Ordering::Relaxed));
        write!(
            f,
            "{} of {} commands answered; {requests} requests, {failures} of them failed",
            answered.count(),
            told.len(),
        )
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
