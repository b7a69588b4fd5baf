//! Decides which process gets which invocation, and how many processes a function has.
//!
//! It keeps the books and decides; it starts nothing and waits for nothing. [`super::pool`] does both.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{oneshot, watch};

use super::invocation::{By, Invocation};
use super::outcome::{Failure, Outcome};
use super::process::Process;
use crate::lock::locked;

/// The most processes of one function that work for callers, and the most that work for triggers.
const MOST_PROCESSES: usize = 4;
/// The pause before a start after the second failure in a row. It doubles with each further failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The processes of one function, and the invocations that wait for one.
#[derive(Debug)]
pub(super) struct Dispatch {
    timeout_seconds: u32,
    processes: BTreeMap<u64, Arc<Process>>,
    next_id: u64,
    // The last to become idle is the first to work again. So those that are not needed stay idle and are reaped.
    idle: Vec<(Arc<Process>, oneshot::Sender<()>)>,
    queue: VecDeque<Invocation>,
    live: watch::Sender<usize>,
    first: watch::Sender<FirstStart>,
    starting: usize,
    failures: u32,
    is_pausing: bool,
    is_stopped: bool,
}

/// Whether the first process of a function has come up. The start of the system waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FirstStart {
    Pending,
    Ready,
    Failed(String),
}

/// How a process's request for work is met.
pub(super) enum Work {
    /// An invocation is assigned to it.
    Assigned,
    /// It waits. The receiver resolves when an invocation is assigned to it.
    Wait {
        assigned: oneshot::Receiver<()>,
        /// Whether other processes of the function run, so that this one may be reaped.
        may_be_reaped: bool,
    },
}

/// What the pool has to start after a process has ended.
pub(super) enum Restart {
    Nothing,
    Now(Arc<Process>),
    After(Duration),
}

impl Dispatch {
    pub fn new(timeout_seconds: u32) -> Self {
        Self {
            timeout_seconds,
            processes: BTreeMap::new(),
            next_id: 0,
            idle: Vec::new(),
            queue: VecDeque::new(),
            live: watch::Sender::new(0),
            first: watch::Sender::new(FirstStart::Pending),
            starting: 0,
            failures: 0,
            is_pausing: false,
            is_stopped: false,
        }
    }

    /// The process with this number.
    pub fn process(&self, id: u64) -> Option<Arc<Process>> {
        self.processes.get(&id).cloned()
    }

    pub fn processes(&self) -> impl Iterator<Item = &Arc<Process>> {
        self.processes.values()
    }

    /// Changes when the first process has come up, or has failed to.
    pub fn first(&self) -> watch::Receiver<FirstStart> {
        self.first.subscribe()
    }

    /// Counts a new process, which the caller has to start.
    pub fn add_process(&mut self) -> Arc<Process> {
        let process = Arc::new(Process::new(self.next_id, self.timeout_seconds));
        self.next_id += 1;
        self.processes.insert(process.id, process.clone());
        self.live.send_modify(|live| *live += 1);
        self.starting += 1;
        process
    }

    /// Gives an invocation to an idle process, or queues it. Returns a further process, if the caller has to start one.
    pub fn place(&mut self, mut invocation: Invocation) -> Option<Arc<Process>> {
        if self.is_stopped {
            // The dropped invocation is answered by its end.
            return None;
        }
        while self.room(invocation.by) > 0
            && let Some((process, assigned)) = self.idle.pop()
        {
            process.assign(invocation);
            if assigned.send(()).is_ok() {
                return None;
            }
            // The process hung up: it has ended, or is about to.
            (invocation, _) = process.take_back()?;
        }
        self.queue.push_back(invocation);
        self.lacks_a_process().then(|| self.add_process())
    }

    /// How many more processes may work for callers, or for triggers.
    fn room(&self, by: By) -> usize {
        let working = self
            .processes()
            .filter(|process| process.works_for() == Some(by));
        MOST_PROCESSES.saturating_sub(working.count())
    }

    /// The first invocation that waits and may have a process.
    fn next_in_queue(&mut self) -> Option<Invocation> {
        let rooms = [By::Caller, By::Trigger].map(|by| (by, self.room(by) > 0));
        let may_run = |waiting: &Invocation| rooms.contains(&(waiting.by, true));
        let index = self.queue.iter().position(may_run)?;
        self.queue.remove(index)
    }

    /// Whether another process would be given work.
    fn lacks_a_process(&self) -> bool {
        let (mut useful, mut most) = (0, 0);
        for by in [By::Caller, By::Trigger] {
            let waiting = self.queue.iter().filter(|waiting| waiting.by == by).count();
            let room = self.room(by);
            useful += waiting.min(room);
            if waiting > 0 || room < MOST_PROCESSES {
                most += MOST_PROCESSES;
            }
        }
        // A process between two invocations works for nobody, and will ask.
        let is_full = *self.live.borrow() >= most;
        self.starting < useful && !is_full && !self.is_pausing
    }

    /// A process asks for work.
    pub fn ask(&mut self, process: &Arc<Process>) -> Work {
        if !process.is_ready.swap(true, Ordering::Relaxed) {
            self.starting -= 1;
            self.first.send_if_modified(|first| {
                let was_pending = *first == FirstStart::Pending;
                *first = FirstStart::Ready;
                was_pending
            });
        }
        if let Some(invocation) = self.next_in_queue() {
            process.assign(invocation);
            return Work::Assigned;
        }
        let (sender, assigned) = oneshot::channel();
        self.idle.push((process.clone(), sender));
        Work::Wait {
            assigned,
            may_be_reaped: *self.live.borrow() > 1,
        }
    }

    /// Kills a process that has been idle for too long, unless it is the last one. Says whether it did.
    pub fn reap(&mut self, process: &Process) -> bool {
        let staying = self.processes().filter(|other| !other.is_leaving()).count();
        if staying <= 1 {
            return false;
        }
        let idle = self.idle.iter().position(|(idle, _)| idle.id == process.id);
        // A process that is no longer in the list is about to fetch an invocation.
        let Some(index) = idle else { return false };
        self.idle.remove(index);
        process.dismiss();
        true
    }

    /// A process has ended.
    pub fn exited(&mut self, process: &Process, reason: &str) -> Restart {
        self.processes.remove(&process.id);
        self.live.send_modify(|live| *live -= 1);
        self.idle.retain(|(idle, _)| idle.id != process.id);
        let was_ready = process.is_ready.load(Ordering::Relaxed);
        if !was_ready {
            self.starting -= 1;
            let reported = locked(&process.init_error).clone();
            let reason = reported.unwrap_or_else(|| reason.to_owned());
            self.first.send_if_modified(|first| {
                let was_pending = *first == FirstStart::Pending;
                if was_pending {
                    *first = FirstStart::Failed(reason);
                }
                was_pending
            });
        }
        self.failures = if process.has_answered.load(Ordering::Relaxed) {
            0
        } else {
            self.failures + 1
        };
        let started = match process.take_back() {
            Some((invocation, true)) => {
                fail(invocation, reason);
                None
            }
            // The process never fetched the invocation, so another one can take it.
            Some((invocation, false)) => self.place(invocation),
            None => None,
        };
        if let Some(process) = started {
            return Restart::Now(process);
        }
        if let Some(process) = self.make_up() {
            return Restart::Now(process);
        }
        if self.is_stopped || *self.live.borrow() > 0 {
            return Restart::Nothing;
        }
        if !was_ready {
            // The function cannot start. What waits for it would wait for ever.
            for invocation in std::mem::take(&mut self.queue) {
                fail(invocation, reason);
            }
        }
        if self.is_pausing {
            return Restart::Nothing;
        }
        // A process that somebody killed comes back at once. One that fails again and again does not.
        match self.failures {
            0 | 1 => Restart::Now(self.add_process()),
            failures => {
                self.is_pausing = true;
                let pause = FIRST_PAUSE * 2_u32.saturating_pow(failures - 2);
                Restart::After(pause.min(LONGEST_PAUSE))
            }
        }
    }

    /// Gives what waits to idle processes, now that one that worked has ended. Returns a further process, if the caller
    /// has to start one.
    fn make_up(&mut self) -> Option<Arc<Process>> {
        if self.is_stopped || self.queue.is_empty() || *self.live.borrow() == 0 {
            return None;
        }
        while !self.idle.is_empty()
            && let Some(invocation) = self.next_in_queue()
        {
            if let Some(process) = self.place(invocation) {
                return Some(process);
            }
        }
        // A function that fails again and again gets no more processes than it has.
        (self.failures <= 1 && self.lacks_a_process()).then(|| self.add_process())
    }

    /// The pause before a start is over. Returns the process that the caller has to start.
    pub fn end_pause(&mut self) -> Option<Arc<Process>> {
        self.is_pausing = false;
        (!self.is_stopped).then(|| self.add_process())
    }

    /// Kills all processes and drops what waits. The receiver tells how many processes are still there.
    pub fn stop(&mut self) -> watch::Receiver<usize> {
        self.is_stopped = true;
        self.queue.clear();
        self.processes().for_each(|process| process.dismiss());
        self.live.subscribe()
    }
}

fn fail(invocation: Invocation, reason: &str) {
    let failure = Failure::exited(&invocation.request_id, reason);
    invocation.answer(Outcome::Failure(failure));
}

#[cfg(test)]
mod tests;
