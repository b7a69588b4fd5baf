//! What the schedule does: deadlines are fired, and what dead processes have
//! recorded is published, by processes that die as well. The clock of deadlines
//! is turned by hand.

use crate::{
    settings::Mischief,
    trigger::{MAX_POLLS, MAX_SLEEP, UpTo},
    world::World,
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::jiff::SignedDuration;
use rewind_aws::{
    append::sweep::{Sweep, Swept},
    process::timer::{Fired, Timer},
};
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::task::JoinHandle;

/// So long after an intent's process may have died, the sweep knows, in
/// microseconds.
const SWEPT_AFTER: u64 = 20_000_000;

/// So long after it, the sweep looks for late writes.
const SWEPT_AGAIN_AFTER: u64 = 330_000_000;

/// The schedule of one world.
pub struct Clockwork {
    world: Arc<World>,
    dice: SmallRng,
    timer: Arc<Timer>,
    sweep: Sweep,
    running: Vec<JoinHandle<()>>,
}

impl Clockwork {
    pub async fn new(world: &Arc<World>) -> Self {
        let mut clockwork = Self {
            world: world.clone(),
            dice: SmallRng::seed_from_u64(world.settings.seed ^ 0xc10c),
            timer: Arc::new(world.timer()),
            sweep: world.sweep(),
            running: Vec::new(),
        };
        if clockwork.dice.random() {
            // Sweeps began long ago, so intents are all that they go by.
            let long_ago = world.micros() - 600_000_000;
            world.quiet_sweep().sweep_at(long_ago).await.unwrap();
        }
        clockwork
    }

    /// One turn, with mischief.
    pub async fn turn(&mut self) {
        let minutes = self.dice.random_range(0..20);
        let now = self.world.turn(SignedDuration::from_mins(minutes));
        let has = |mischief| self.world.settings.has(mischief);
        if self.dice.random_bool(0.25) && has(Mischief::Zombie) {
            // Another one fires the same meanwhile, or later.
            let polls = self.dice.random_range(1..=MAX_POLLS);
            let sleep = Duration::from_millis(self.dice.random_range(0..=MAX_SLEEP));
            let timer = self.timer.clone();
            self.running.push(tokio::task::spawn_local(async move {
                let mut firing = pin!(timer.fire(now, || true));
                let invocation = firing.as_mut();
                if (UpTo { invocation, polls }.await).is_none() {
                    tokio::time::sleep(sleep).await;
                    let _ = firing.await;
                }
            }));
            self.timer = Arc::new(self.world.timer());
        }
        let is_killed = self.dice.random_bool(0.3) && has(Mischief::Kill);
        let polls = match is_killed {
            true => self.dice.random_range(1..=MAX_POLLS),
            false => usize::MAX,
        };
        let timer = self.timer.clone();
        let invocation = pin!(timer.fire(now, || true));
        if (UpTo { invocation, polls }.await).is_none() {
            self.timer = Arc::new(self.world.timer());
        }
        let polls = match is_killed {
            true => self.dice.random_range(1..=MAX_POLLS),
            false => usize::MAX,
        };
        let invocation = pin!(self.sweep.sweep());
        UpTo { invocation, polls }.await;
    }

    /// Waits for what was left running.
    pub async fn bury(&mut self) {
        for left in self.running.drain(..) {
            left.await.unwrap();
        }
        self.timer = Arc::new(self.world.timer());
    }

    /// Sweeps at a time when all that ran before is known to have ended, and once
    /// more for what came after the intent of its process: a seed may be slower
    /// than that.
    pub async fn sweep_all(&self) {
        for later in [SWEPT_AFTER, SWEPT_AGAIN_AFTER] {
            let then = self.world.micros() + later;
            self.sweep.sweep_at(then).await.unwrap();
        }
    }

    /// A sweep that knows nothing of those before it.
    pub async fn sweep_anew(&self) -> Swept {
        self.world.forget_sweeps().await;
        self.sweep.sweep().await.unwrap()
    }

    /// Fires all that is due within the next two hours.
    pub async fn fire(&self) -> Fired {
        let now = self.world.turn(SignedDuration::from_hours(2));
        self.timer.fire(now, || true).await.unwrap()
    }
}
