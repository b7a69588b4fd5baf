//! The processes of one function: started, handed invocations, killed and started again.
//!
//! It carries out what [`super::dispatch`] decides, and does all the waiting.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;

use super::child;
use super::dispatch::{Dispatch, FirstStart, Restart, Work};
use super::invocation::{Assignment, By, Invocation};
use super::launch::Program;
use super::outcome::{Failure, Outcome, Reply};
use super::process::Process;
use crate::activity::Activity;
use crate::error::StartError;
use crate::lock::locked;
use crate::options::Observed;
use crate::shutdown::stopped;
use crate::template::Function;

/// How long a process beyond the first stays without work.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);

/// The processes of one function.
#[derive(Debug)]
pub(super) struct Pool {
    program: Program,
    activity: Activity,
    dispatch: Mutex<Dispatch>,
}

impl Pool {
    pub fn new(program: Program, activity: Activity) -> Arc<Self> {
        let dispatch = Dispatch::new(program.function.timeout_seconds);
        Arc::new(Self {
            program,
            activity,
            dispatch: Mutex::new(dispatch),
        })
    }

    pub fn function(&self) -> &Function {
        &self.program.function
    }

    /// The process with this number.
    pub fn process(&self, id: u64) -> Option<Arc<Process>> {
        locked(&self.dispatch).process(id)
    }

    /// All processes that have not ended.
    pub fn processes(&self) -> Vec<Arc<Process>> {
        locked(&self.dispatch).processes().cloned().collect()
    }

    /// Starts the first process, and returns when it asks for work.
    pub async fn start_first(self: &Arc<Self>, timeout: Duration) -> Result<(), StartError> {
        let (process, mut first) = {
            let mut dispatch = locked(&self.dispatch);
            (dispatch.add_process(), dispatch.first())
        };
        self.run(process);
        let has_ended = first.wait_for(|first| *first != FirstStart::Pending);
        let ended = tokio::time::timeout(timeout, has_ended).await;
        let reason = match ended.map(|first| first.map(|first| first.clone())) {
            Ok(Ok(FirstStart::Ready)) => return Ok(()),
            Ok(Ok(FirstStart::Failed(reason))) => reason,
            _ => format!(
                "it does not ask for work within {} seconds",
                timeout.as_secs()
            ),
        };
        Err(StartError::Function {
            function: self.function().name.clone(),
            reason,
            log: self.program.log_name(),
        })
    }

    /// Invokes the function, and waits until its answer begins.
    pub async fn invoke(self: &Arc<Self>, by: By, payload: Bytes) -> Reply {
        let (invocation, answer) = Invocation::new(by, payload, self.activity.begin());
        let request_id = invocation.request_id.clone();
        let started = locked(&self.dispatch).place(invocation);
        if let Some(process) = started {
            self.run(process);
        }
        let reply = answer.await.unwrap_or_else(|_| {
            Outcome::Failure(Failure::exited(&request_id, "the local system stops")).into()
        });
        let is_failure = matches!(reply, Reply::Ended(Outcome::Failure(_)));
        self.program.observed(Observed::Invoked { is_failure });
        reply
    }

    /// Waits until there is work for a process; [`None`] when the process is no longer needed.
    pub async fn next(&self, process: &Arc<Process>) -> Option<Assignment> {
        if let Some((invocation, _)) = process.take_back() {
            let failure = Failure::exited(
                &invocation.request_id,
                "the function asked for work before it answered",
            );
            invocation.answer(Outcome::Failure(failure));
        }
        if process.is_leaving() {
            return None;
        }
        let work = locked(&self.dispatch).ask(process);
        if let Work::Wait {
            mut assigned,
            may_be_reaped,
        } = work
        {
            let mut is_assigned = false;
            if may_be_reaped {
                is_assigned = tokio::time::timeout(IDLE_TIMEOUT, &mut assigned)
                    .await
                    .is_ok();
                if !is_assigned && locked(&self.dispatch).reap(process) {
                    return None;
                }
            }
            if !is_assigned {
                let _ = assigned.await;
            }
        }
        process.fetch()
    }

    /// Kills all processes, and returns when they have ended.
    pub async fn stop(&self) {
        let mut live = locked(&self.dispatch).stop();
        let _ = live.wait_for(|live| *live == 0).await;
    }

    /// Runs a process to its end, and what follows from that.
    fn run(self: &Arc<Self>, process: Arc<Process>) {
        let pool = self.clone();
        tokio::spawn(async move {
            let reason = child::run(&pool.program, &process).await;
            let restart = locked(&pool.dispatch).exited(&process, &reason);
            match restart {
                Restart::Nothing => {}
                Restart::Now(process) => pool.run(process),
                Restart::After(pause) => pool.run_after(pause).await,
            }
        });
    }

    async fn run_after(self: &Arc<Self>, pause: Duration) {
        let is_stopped = stopped(self.program.launch.shutdown.clone());
        if tokio::time::timeout(pause, is_stopped).await.is_ok() {
            return;
        }
        let started = locked(&self.dispatch).end_pause();
        if let Some(process) = started {
            self.run(process);
        }
    }
}
