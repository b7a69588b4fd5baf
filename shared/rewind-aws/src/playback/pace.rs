//! How fast a playback sends: at most as fast as it was asked to, and slower
//! while Kinesis does not take all at once.

use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// By how much a playback slows down when Kinesis refuses records, and how
/// fast it then becomes faster again with each page that went through.
const SLOWER: f64 = 0.5;
const FASTER: f64 = 1.1;

/// The slowest rate that a playback is slowed down to, in events a second.
const SLOWEST: f64 = 10.0;

/// From this rate on, in events a second, a playback that was slowed down is
/// let go again.
const FREE: f64 = 100_000.0;

/// The pace that all partitions of a playback share.
#[derive(Debug)]
pub(super) struct Pacer {
    asked: Option<f64>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Events a second, while Kinesis throttles.
    slowed: Option<f64>,
    /// When the next event may be sent.
    free: Instant,
    /// What was sent lately, and since when.
    recent: (u64, Instant),
}

impl Pacer {
    /// A pace of at most so many events a second.
    pub fn new(rate: Option<u32>) -> Self {
        let now = Instant::now();
        Self {
            asked: rate.map(f64::from),
            state: Mutex::new(State {
                slowed: None,
                free: now,
                recent: (0, now),
            }),
        }
    }

    /// How many commits a page may have, so that it takes about a second.
    pub fn page(&self, most: i32) -> i32 {
        self.asked.map_or(most, |rate| most.min(rate as i32)).max(1)
    }

    /// When it is the turn of so many events: who asks next comes behind them.
    pub async fn turn(&self, events: u64) -> Instant {
        let mut state = self.state.lock().await;
        let now = Instant::now();
        let mut rates = [self.asked, state.slowed].into_iter().flatten();
        let rate = rates.next().map(|first| rates.fold(first, f64::min));
        let turn = state.free.max(now);
        if let Some(rate) = rate {
            state.free = turn + Duration::from_secs_f64(events as f64 / rate);
        }
        state.recent.0 += events;
        turn
    }

    /// Takes note of whether Kinesis took a page at once.
    pub async fn note(&self, was_refused: bool) {
        let mut state = self.state.lock().await;
        if was_refused {
            let (events, since) = state.recent;
            let measured = events as f64 / since.elapsed().as_secs_f64().max(0.001);
            let rate = state.slowed.unwrap_or(measured) * SLOWER;
            state.slowed = Some(rate.max(SLOWEST));
            state.recent = (0, Instant::now());
            tracing::info!(rate, "slowed down");
        } else if let Some(rate) = state.slowed {
            state.slowed = Some(rate * FASTER).filter(|rate| *rate < FREE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_rate_is_kept_on_average() {
        let pacer = Pacer::new(Some(1000));
        let began = Instant::now();
        for _ in 0..5 {
            pacer.turn(20).await;
        }
        let free = pacer.turn(20).await;
        assert!(
            free - began >= Duration::from_millis(99),
            "{:?}",
            free - began
        );
        assert_eq!(pacer.page(100), 100);
        assert_eq!(Pacer::new(Some(3)).page(100), 3);
    }

    #[tokio::test]
    async fn it_slows_down_while_kinesis_refuses_and_recovers() {
        let pacer = Pacer::new(None);
        pacer.turn(1000).await;
        pacer.note(true).await;
        let slowed = pacer.state.lock().await.slowed.unwrap();
        pacer.note(true).await;
        assert!(pacer.state.lock().await.slowed.unwrap() < slowed);
        for _ in 0..300 {
            pacer.note(false).await;
        }
        assert_eq!(pacer.state.lock().await.slowed, None);
    }
}
