//! CPU time of this process: what the machine's neighbours do does not change it
//! as they change the time on the wall.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// What some work took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    pub cpu: Duration,
    pub wall: Duration,
}

/// CPU time of all threads of this process so far.
pub fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// What work takes that does not wait.
pub fn of<T>(work: impl FnOnce() -> T) -> (T, Took) {
    let (since, before) = (Instant::now(), used());
    let output = work();
    (output, took(since, before))
}

/// What work takes that waits.
pub async fn during<T>(work: impl Future<Output = T>) -> (T, Took) {
    let (since, before) = (Instant::now(), used());
    let output = work.await;
    (output, took(since, before))
}

fn took(since: Instant, before: Duration) -> Took {
    Took {
        cpu: used().saturating_sub(before),
        wall: since.elapsed(),
    }
}

/// Microseconds of an event.
pub fn micros(time: Duration, events: usize) -> f64 {
    time.as_secs_f64() * 1e6 / events as f64
}
