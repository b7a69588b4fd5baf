//! Kills functions' processes, as Lambda may at any moment.

use local::System;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};

/// How many processes of each function were killed.
pub type Killed = BTreeMap<String, u64>;

/// A task that runs until it is stopped.
pub struct Running<T> {
    stop: oneshot::Sender<()>,
    task: JoinHandle<T>,
}

impl<T: Default> Running<T> {
    /// Runs until the receiver hears that it is to stop.
    pub fn start<F>(task: impl FnOnce(oneshot::Receiver<()>) -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
        T: Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(task(stopped));
        Self { stop, task }
    }

    /// Stops, and returns what it has found.
    pub async fn stop(self) -> T {
        // A task that has ended already hears nothing.
        let _ = self.stop.send(());
        self.task.await.unwrap_or_default()
    }
}

/// Kills a process about every so many milliseconds.
pub fn start(system: &Arc<System>, every: u64, seed: u64) -> Running<Killed> {
    let system = Arc::downgrade(system);
    Running::start(move |stopped| kill_until(stopped, system, every, seed))
}

async fn kill_until(
    mut stopped: oneshot::Receiver<()>,
    system: Weak<System>,
    every: u64,
    seed: u64,
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
        let pids = pids.unwrap_or_default();
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
