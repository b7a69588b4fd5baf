//! The events that were sent, and their answers.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// The best answer to an event so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// It was not sent.
    Unsent,
    /// It was sent, and never answered with 202: it may be recorded or not.
    Unknown,
    /// 202: it has to be recorded.
    Accepted,
}

/// The answers to all clients.
pub struct Sent {
    next: AtomicU64,
    events: Mutex<Vec<Answer>>,
    impostors: Mutex<BTreeMap<u64, Answer>>,
    /// The number of requests.
    pub requests: AtomicU64,
    /// The number of requests that were not answered with 202 or 207.
    pub failures: AtomicU64,
    /// The number of repeated events.
    pub repeats: AtomicU64,
}

impl Sent {
    /// Starts without answers to a number of events.
    pub fn new(events: u64) -> Self {
        Self {
            next: AtomicU64::new(0),
            events: Mutex::new(vec![Answer::Unsent; events as usize]),
            impostors: Mutex::default(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            repeats: AtomicU64::new(0),
        }
    }

    /// Takes the next `count` events to be sent.
    pub fn take(&self, count: u64) -> std::ops::Range<u64> {
        let events = locked(&self.events).len() as u64;
        let from = self.next.fetch_add(count, Ordering::Relaxed).min(events);
        from..(from + count).min(events)
    }

    /// Stores an answer. Returns whether the event is accepted for the first time.
    pub fn answered(&self, number: u64, is_impostor: bool, answer: Answer) -> bool {
        if is_impostor {
            let mut impostors = locked(&self.impostors);
            let known = impostors.entry(number).or_insert(Answer::Unsent);
            *known = answer.max(*known);
            return false;
        }
        let mut events = locked(&self.events);
        let known = &mut events[number as usize];
        let is_new = answer == Answer::Accepted && *known != Answer::Accepted;
        *known = answer.max(*known);
        is_new
    }

    /// Returns the best answer to an event.
    pub fn event(&self, number: u64) -> Answer {
        locked(&self.events)[number as usize]
    }

    /// Returns the impostors that were sent.
    pub fn impostors(&self) -> BTreeMap<u64, Answer> {
        locked(&self.impostors).clone()
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let events = locked(&self.events);
        let accepted = events.iter().filter(|answer| **answer == Answer::Accepted);
        let [requests, failures, repeats] =
            [&self.requests, &self.failures, &self.repeats].map(|n| n.load(Ordering::Relaxed));
        write!(
            f,
            "{} of {} events accepted, {repeats} repeats, {} impostors; {requests} requests, {failures} of them failed",
            accepted.count(),
            events.len(),
            locked(&self.impostors).len(),
        )
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
