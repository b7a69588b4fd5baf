//! What one invocation of a playback sends, and how fast.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What an invocation has sent so far. A page that has to be sent again counts
/// again.
#[derive(Debug, Default)]
pub struct Sending {
    events: AtomicU64,
    micros: AtomicU64,
}

impl Sending {
    /// How many events Kinesis has acknowledged.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// How many events a second, while it was sending; `None` where nothing was
    /// sent.
    pub fn rate(&self) -> Option<f64> {
        let micros = self.micros.load(Ordering::Relaxed);
        let seconds = micros as f64 / 1e6;
        let events = self.events();
        (events > 0 && seconds > 0.0).then(|| events as f64 / seconds)
    }

    /// So many events were acknowledged.
    pub(super) fn sent(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Sending took so long.
    pub(super) fn took(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_time_in_which_it_was_sent() {
        let sending = Sending::default();
        sending.took(Duration::from_secs(1));
        assert_eq!(sending.rate(), None, "nothing was sent");
        sending.sent(300);
        sending.took(Duration::from_secs(2));
        assert_eq!((sending.events(), sending.rate()), (300, Some(100.0)));
    }
}
