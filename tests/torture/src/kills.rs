//! Kills functions' processes, as Lambda may do at any moment.

use local::System;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// The number of killed processes of each function.
pub type Killed = BTreeMap<String, u64>;

/// A task that works until it is stopped.
pub struct Background<T> {
    stop: oneshot::Sender<()>,
    task: JoinHandle<T>,
}

impl<T: Default> Background<T> {
    /// Starts a task, which ends when the receiver is told to stop.
    pub fn start<F>(task: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(task(stopped));
        Self { stop, task }
    }

    /// Stops the task, and returns its result.
    pub async fn stop(self) -> T {
        // The task may have ended already.
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

/// Kills a process about every `every` milliseconds; 0 kills none. `only` names
/// the one function that is killed.
pub fn start(
    system: &Arc<System>,
    every: u64,
    seed: u64,
    only: Option<&'static str>,
) -> Background<Killed> {
    let system = Arc::downgrade(system);
    Background::start(move |stopped| kill_until(stopped, system, every, seed, only))
}

async fn kill_until(
    mut stopped: oneshot::Receiver<()>,
    system: Weak<System>,
    every: u64,
    seed: u64,
    only: Option<&'static str>,
) -> Killed {
    let mut dice = SmallRng::seed_from_u64(seed);
    let mut killed = Killed::new();
    loop {
        let pause = Duration::from_millis(match every {
            0 => u64::MAX / 2_000_000,
            every => dice.random_range(1..=2 * every),
        });
        tokio::select! {
            _ = &mut stopped => return killed,
            () = tokio::time::sleep(pause) => {}
        }
        let pids = system.upgrade().map(|system| system.function_pids());
        let mut pids = pids.unwrap_or_default();
        pids.retain(|(function, _)| only.is_none_or(|only| function.ends_with(only)));
        let Some((function, pid)) = pids.choose(&mut dice) else {
            continue;
        };
        let kill = Command::new("kill")
            .args(["-KILL", &pid.to_string()])
            .status();
        if kill.is_ok_and(|status| status.success()) {
            *killed.entry(function.clone()).or_default() += 1;
        }
    }
}
