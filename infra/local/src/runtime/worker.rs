//! One process of a function, and what it works on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};
use tokio::task::AbortHandle;

use super::outcome::{Failure, Outcome};
use super::pool::Pool;
use crate::activity::Busy;
use crate::clock;

/// An invocation.
#[derive(Debug)]
pub(super) struct Job {
    pub request_id: String,
    pub payload: Bytes,
    pub reply: oneshot::Sender<Outcome>,
    pub busy: Busy,
}

impl Job {
    /// Answers whoever invoked. Nobody may be waiting any more, as behind a gateway that timed out.
    pub fn answer(self, outcome: Outcome) {
        let Self { reply, busy, .. } = self;
        let _ = reply.send(outcome);
        drop(busy);
    }
}

/// An invocation that a process has, or is about to fetch.
#[derive(Debug)]
struct InFlight {
    job: Job,
    deadline_ms: u64,
    timer: Option<AbortHandle>,
    is_fetched: bool,
}

/// What a process needs to know of its invocation.
#[derive(Debug)]
pub(super) struct Assignment {
    pub request_id: String,
    pub payload: Bytes,
    pub deadline_ms: u64,
}

/// One process of a function.
#[derive(Debug)]
pub(super) struct Worker {
    pub id: u64,
    pub kill: Notify,
    pub pid: AtomicU32,
    pub is_ready: AtomicBool,
    pub has_answered: AtomicBool,
    /// It is being killed, and gets no further work.
    pub is_leaving: AtomicBool,
    pub init_error: Mutex<Option<String>>,
    in_flight: Mutex<Option<InFlight>>,
}

impl Worker {
    pub fn new(id: u64) -> Self {
        Self {
            id,
            kill: Notify::new(),
            pid: AtomicU32::new(0),
            is_ready: AtomicBool::new(false),
            has_answered: AtomicBool::new(false),
            is_leaving: AtomicBool::new(false),
            init_error: Mutex::default(),
            in_flight: Mutex::default(),
        }
    }

    /// Has the process killed.
    pub fn dismiss(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.kill.notify_one();
    }

    /// Gives the process an invocation, whose Timeout begins now.
    pub fn assign(self: &Arc<Self>, job: Job, timeout_seconds: u32) {
        let timeout = std::time::Duration::from_secs(timeout_seconds.into());
        let request_id = job.request_id.clone();
        let worker = self.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            if worker.answer(
                &request_id,
                Outcome::Failure(Failure::timed_out(&request_id, timeout_seconds)),
            ) {
                worker.dismiss();
            }
        });
        *locked(&self.in_flight) = Some(InFlight {
            job,
            deadline_ms: clock::now_ms() + timeout.as_millis() as u64,
            timer: Some(timer.abort_handle()),
            is_fetched: false,
        });
    }

    /// What the process has to do, as it is handed over.
    pub fn fetch(&self) -> Option<Assignment> {
        let mut in_flight = locked(&self.in_flight);
        let in_flight = in_flight.as_mut()?;
        in_flight.is_fetched = true;
        Some(Assignment {
            request_id: in_flight.job.request_id.clone(),
            payload: in_flight.job.payload.clone(),
            deadline_ms: in_flight.deadline_ms,
        })
    }

    /// Ends the invocation with this id. Says whether the process had it.
    pub fn answer(&self, request_id: &str, outcome: Outcome) -> bool {
        let found =
            locked(&self.in_flight).take_if(|in_flight| in_flight.job.request_id == request_id);
        let Some(mut in_flight) = found else {
            return false;
        };
        if let Some(timer) = in_flight.timer.take() {
            timer.abort();
        }
        self.has_answered.store(true, Ordering::Relaxed);
        in_flight.job.answer(outcome);
        true
    }

    /// Takes the invocation away from a process that is gone: the job, and whether the process had begun it.
    pub fn abandon(&self) -> Option<(Job, bool)> {
        let in_flight = locked(&self.in_flight).take()?;
        if let Some(timer) = in_flight.timer {
            timer.abort();
        }
        Some((in_flight.job, in_flight.is_fetched))
    }
}

type WithPool = (Arc<Pool>, Arc<Worker>);

/// The processes of all functions, by the number in their Runtime API's path.
#[derive(Debug, Default)]
pub(super) struct Workers {
    next_id: AtomicU64,
    all: Mutex<HashMap<u64, WithPool>>,
}

impl Workers {
    pub fn add(&self, pool: &Arc<Pool>) -> Arc<Worker> {
        let worker = Arc::new(Worker::new(self.next_id.fetch_add(1, Ordering::Relaxed)));
        locked(&self.all).insert(worker.id, (pool.clone(), worker.clone()));
        worker
    }

    /// The process with this number, as its path has it.
    pub fn named(&self, id: &str) -> Option<WithPool> {
        locked(&self.all).get(&id.parse().ok()?).cloned()
    }

    pub fn remove(&self, id: u64) {
        locked(&self.all).remove(&id);
    }

    pub fn of(&self, function: &str) -> Vec<Arc<Worker>> {
        let all = locked(&self.all);
        let of_function = all
            .values()
            .filter(|(pool, _)| pool.function().name == function);
        of_function.map(|(_, worker)| worker.clone()).collect()
    }

    pub fn pids(&self) -> Vec<(String, u32)> {
        let mut pids: Vec<(String, u32)> = locked(&self.all)
            .values()
            .map(|(pool, worker)| {
                (
                    pool.function().name.clone(),
                    worker.pid.load(Ordering::Relaxed),
                )
            })
            .filter(|(_, pid)| *pid != 0)
            .collect();
        pids.sort();
        pids
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change under these locks is a single step, which a panic elsewhere cannot leave half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
