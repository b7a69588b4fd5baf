//! How the processes of a function come and go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::outcome::{Failure, Outcome};
use super::pool::{First, Pool, State};
use super::process;
use super::worker::{Worker, locked};
use crate::shutdown::stopped;

/// The pause before a start after the second failure in a row; it doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

impl Pool {
    /// A process has ended.
    pub fn exited(self: &Arc<Self>, worker: &Arc<Worker>, reason: &str) {
        self.workers.remove(worker.id);
        let mut state = locked(&self.state);
        state.live -= 1;
        self.live.send_replace(state.live);
        state.idle.retain(|(idle, _)| idle.id != worker.id);
        let was_ready = worker.is_ready.load(Ordering::Relaxed);
        if !was_ready {
            state.starting -= 1;
            let reason = locked(&worker.init_error)
                .clone()
                .unwrap_or_else(|| reason.to_owned());
            self.first.send_if_modified(|first| {
                let was_starting = *first == First::Starting;
                if was_starting {
                    *first = First::Failed(reason.clone());
                }
                was_starting
            });
        }
        state.failures = if worker.has_answered.load(Ordering::Relaxed) {
            0
        } else {
            state.failures + 1
        };
        match worker.abandon() {
            Some((job, true)) => {
                let failure = Failure::exited(&job.request_id, reason);
                job.answer(Outcome::Failure(failure));
            }
            // It never saw the invocation, so that another process can take it.
            Some((job, false)) => self.place(&mut state, job),
            None => {}
        }
        if state.is_stopped {
            return;
        }
        if !was_ready && state.live == 0 {
            // Whoever waits would wait for as long as the function cannot start.
            for job in std::mem::take(&mut state.queue) {
                let failure = Failure::exited(&job.request_id, reason);
                job.answer(Outcome::Failure(failure));
            }
        }
        if state.live == 0 && !state.is_pausing {
            self.start_after_pause(&mut state);
        }
    }

    /// Kills all processes, and returns when they are gone.
    pub async fn stop(&self) {
        {
            let mut state = locked(&self.state);
            state.is_stopped = true;
            state.queue.clear();
        }
        for worker in self.workers.of(&self.function().name) {
            worker.dismiss();
        }
        let _ = self.live.subscribe().wait_for(|live| *live == 0).await;
    }

    pub(super) fn start(self: &Arc<Self>, state: &mut State) {
        state.live += 1;
        state.starting += 1;
        self.live.send_replace(state.live);
        let worker = self.workers.add(self);
        tokio::spawn(process::supervise(self.clone(), worker));
    }

    fn start_after_pause(self: &Arc<Self>, state: &mut State) {
        // One death is no loop: a process that somebody killed comes back at once.
        let pause = match state.failures {
            0 | 1 => return self.start(state),
            failures => (FIRST_PAUSE * 2_u32.saturating_pow(failures - 2)).min(LONGEST_PAUSE),
        };
        state.is_pausing = true;
        let pool = self.clone();
        tokio::spawn(async move {
            let is_stopped = tokio::time::timeout(pause, stopped(pool.launch.shutdown.clone()))
                .await
                .is_ok();
            let mut state = locked(&pool.state);
            state.is_pausing = false;
            if !state.is_stopped && !is_stopped {
                pool.start(&mut state);
            }
        });
    }
}
