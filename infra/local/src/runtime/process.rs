//! One process of a function, and the invocation that it works on.
//!
//! It knows one invocation at a time and its Timeout. It does not know the other processes, nor how the operating
//! system runs it.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::invocation::{Assignment, By, Invocation};
use super::outcome::{Failure, Outcome, Reply};
use crate::clock;
use crate::lock::locked;

/// A process of a function.
#[derive(Debug)]
pub(super) struct Process {
    /// Its number among all processes of its function.
    pub id: u64,
    /// Its process id, while it runs; 0 before and after.
    pub pid: AtomicU32,
    /// Notified when the process is to be killed.
    pub kill: Notify,
    /// Whether it has asked for work.
    pub is_ready: AtomicBool,
    /// Whether it has answered an invocation.
    pub has_answered: AtomicBool,
    /// What it reported to `init/error`.
    pub init_error: Mutex<Option<String>>,
    timeout_seconds: u32,
    is_leaving: AtomicBool,
    in_flight: Mutex<Option<InFlight>>,
}

/// The invocation that a process has, or is about to fetch.
#[derive(Debug)]
struct InFlight {
    invocation: Invocation,
    deadline_ms: u64,
    timer: AbortHandle,
    is_fetched: bool,
}

impl Process {
    pub fn new(id: u64, timeout_seconds: u32) -> Self {
        Self {
            id,
            pid: AtomicU32::new(0),
            kill: Notify::new(),
            is_ready: AtomicBool::new(false),
            has_answered: AtomicBool::new(false),
            init_error: Mutex::default(),
            timeout_seconds,
            is_leaving: AtomicBool::new(false),
            in_flight: Mutex::default(),
        }
    }

    /// Kills the process. It gets no further work.
    pub fn dismiss(&self) {
        self.is_leaving.store(true, Ordering::Relaxed);
        self.kill.notify_one();
    }

    /// Whether it is being killed.
    pub fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Relaxed)
    }

    /// Gives the process an invocation. The function's Timeout begins now.
    pub fn assign(self: &Arc<Self>, invocation: Invocation) {
        let seconds = self.timeout_seconds;
        let timeout = Duration::from_secs(seconds.into());
        let request_id = invocation.request_id.clone();
        let process = self.clone();
        let timer = tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            let failure = Failure::timed_out(&request_id, seconds);
            if process.answer(&request_id, Outcome::Failure(failure)) {
                process.dismiss();
            }
        });
        *locked(&self.in_flight) = Some(InFlight {
            invocation,
            deadline_ms: clock::now_ms() + timeout.as_millis() as u64,
            timer: timer.abort_handle(),
            is_fetched: false,
        });
    }

    /// Whom it works for.
    pub fn works_for(&self) -> Option<By> {
        let in_flight = locked(&self.in_flight);
        in_flight.as_ref().map(|in_flight| in_flight.invocation.by)
    }

    /// The assigned invocation, as the process fetches it.
    pub fn fetch(&self) -> Option<Assignment> {
        let mut in_flight = locked(&self.in_flight);
        let in_flight = in_flight.as_mut()?;
        in_flight.is_fetched = true;
        Some(Assignment {
            request_id: in_flight.invocation.request_id.clone(),
            payload: in_flight.invocation.payload.clone(),
            deadline_ms: in_flight.deadline_ms,
        })
    }

    /// Answers the invocation with this id. Says whether the process had it.
    pub fn answer(&self, request_id: &str, with: impl Into<Reply>) -> bool {
        let found = locked(&self.in_flight)
            .take_if(|in_flight| in_flight.invocation.request_id == request_id);
        let Some(in_flight) = found else {
            return false;
        };
        in_flight.timer.abort();
        self.has_answered.store(true, Ordering::Relaxed);
        in_flight.invocation.answer(with);
        true
    }

    /// Takes the invocation back: with whether the process had fetched it.
    pub fn take_back(&self) -> Option<(Invocation, bool)> {
        let in_flight = locked(&self.in_flight).take()?;
        in_flight.timer.abort();
        Some((in_flight.invocation, in_flight.is_fetched))
    }
}
