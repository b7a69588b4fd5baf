//! The processes of one function: who gets which invocation, and how many there are.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{oneshot, watch};

use super::log::Log;
use super::outcome::{Failure, Outcome};
use super::worker::{Assignment, Job, Worker, Workers, locked};
use super::{Launch, process};
use crate::activity::Activity;
use crate::error::StartError;
use crate::template::Function;

/// The most processes of one function.
const MOST_PROCESSES: usize = 4;
/// How long a process beyond the first stays without work.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The processes of one function.
#[derive(Debug)]
pub(super) struct Pool {
    function: Function,
    pub(super) runtime_url: String,
    pub(super) launch: Arc<Launch>,
    pub(super) log: Option<Arc<Log>>,
    pub(super) workers: Arc<Workers>,
    activity: Activity,
    pub(super) state: Mutex<State>,
    pub(super) live: watch::Sender<usize>,
    pub(super) first: watch::Sender<First>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    // The last to become idle is the first to work again, so that those beyond the need stay idle and are reaped.
    pub idle: Vec<(Arc<Worker>, oneshot::Sender<()>)>,
    pub queue: VecDeque<Job>,
    pub live: usize,
    pub starting: usize,
    pub failures: u32,
    pub is_pausing: bool,
    pub is_stopped: bool,
}

/// What became of the first process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum First {
    Starting,
    Ready,
    Failed(String),
}

impl Pool {
    pub fn new(
        function: Function,
        runtime_url: String,
        launch: Arc<Launch>,
        workers: Arc<Workers>,
        activity: Activity,
    ) -> Arc<Self> {
        let log = launch
            .logs
            .as_ref()
            .map(|folder| Log::of(folder, &function.name, launch.disk.clone()));
        Arc::new(Self {
            log,
            function,
            runtime_url,
            launch,
            workers,
            activity,
            state: Mutex::default(),
            live: watch::Sender::new(0),
            first: watch::Sender::new(First::Starting),
        })
    }

    pub fn function(&self) -> &Function {
        &self.function
    }

    /// Starts the first process, and returns when it asks for work.
    pub async fn start_first(self: &Arc<Self>, timeout: Duration) -> Result<(), StartError> {
        self.start(&mut locked(&self.state));
        let mut first = self.first.subscribe();
        let ended =
            tokio::time::timeout(timeout, first.wait_for(|first| *first != First::Starting)).await;
        let reason = match ended.map(|first| first.map(|first| first.clone())) {
            Ok(Ok(First::Ready)) => return Ok(()),
            Ok(Ok(First::Failed(reason))) => reason,
            _ => format!(
                "it does not ask for work within {} seconds",
                timeout.as_secs()
            ),
        };
        Err(StartError::Function {
            function: self.function.name.clone(),
            reason,
            log: process::log_name(self),
        })
    }

    /// Invokes the function, and waits for the answer.
    pub async fn invoke(self: &Arc<Self>, payload: Bytes) -> Outcome {
        let (reply, answer) = oneshot::channel();
        let request_id = uuid::Uuid::now_v7().to_string();
        let job = Job {
            request_id: request_id.clone(),
            payload,
            reply,
            busy: self.activity.begin(),
        };
        self.place(&mut locked(&self.state), job);
        answer.await.unwrap_or_else(|_| {
            Outcome::Failure(Failure::exited(&request_id, "the local system stops"))
        })
    }

    /// Waits until there is work for a process; [`None`] when the process is no longer needed.
    pub async fn next(&self, worker: &Arc<Worker>) -> Option<Assignment> {
        if let Some((job, _)) = worker.abandon() {
            let failure = Failure::exited(
                &job.request_id,
                "the function asked for work before it answered",
            );
            job.answer(Outcome::Failure(failure));
        }
        if worker.is_leaving.load(Ordering::Relaxed) {
            return None;
        }
        let (sender, mut receiver) = oneshot::channel();
        let may_be_reaped = {
            let mut state = locked(&self.state);
            if !worker.is_ready.swap(true, Ordering::Relaxed) {
                state.starting -= 1;
                self.first.send_if_modified(|first| {
                    let was_starting = *first == First::Starting;
                    *first = First::Ready;
                    was_starting
                });
            }
            match state.queue.pop_front() {
                Some(job) => {
                    worker.assign(job, self.function.timeout_seconds);
                    return worker.fetch();
                }
                None => state.idle.push((worker.clone(), sender)),
            }
            state.live > 1
        };
        if may_be_reaped
            && tokio::time::timeout(IDLE_TIMEOUT, &mut receiver)
                .await
                .is_err()
        {
            let mut state = locked(&self.state);
            let before = state.idle.len();
            if self.staying() > 1 {
                state.idle.retain(|(idle, _)| idle.id != worker.id);
            }
            // If it is gone from the list without our doing, an invocation is on its way to it.
            if state.idle.len() < before {
                worker.dismiss();
                return None;
            }
        }
        if worker_has_no_work(&mut receiver) {
            let _ = receiver.await;
        }
        worker.fetch()
    }

    /// How many processes there are that are not on their way out.
    fn staying(&self) -> usize {
        let workers = self.workers.of(&self.function.name);
        let staying = workers
            .iter()
            .filter(|worker| !worker.is_leaving.load(Ordering::Relaxed));
        staying.count()
    }

    /// Gives an invocation to an idle process, or queues it and starts another process.
    pub(super) fn place(self: &Arc<Self>, state: &mut State, job: Job) {
        if state.is_stopped {
            // Dropping the job answers it.
            return;
        }
        let mut job = job;
        while let Some((worker, sender)) = state.idle.pop() {
            worker.assign(job, self.function.timeout_seconds);
            if sender.send(()).is_ok() {
                return;
            }
            // The process hung up: it is gone, or about to be.
            match worker.abandon() {
                Some((taken_back, _)) => job = taken_back,
                None => return,
            }
        }
        state.queue.push_back(job);
        if state.live < MOST_PROCESSES && state.starting < state.queue.len() && !state.is_pausing {
            self.start(state);
        }
    }
}

fn worker_has_no_work(receiver: &mut oneshot::Receiver<()>) -> bool {
    matches!(
        receiver.try_recv(),
        Err(oneshot::error::TryRecvError::Empty)
    )
}
