//! A circuit: who fails again and again is left alone for a while.
//!
//! It lives as long as the process. Each process of Lambda has its own, which is
//! enough: it keeps a batch of requests from waiting for one time-out after the
//! other.

use super::sent::Sent;
use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// After so many failures one after the other it opens.
const FAILURES: u32 = 5;

/// So long it stays open.
const REST: Duration = Duration::from_secs(30);

/// What a try says about the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contact {
    /// It is there, whatever it has answered.
    Well,
    /// It cannot be reached, or it says that it fails.
    Failing,
}

/// The circuit of one gateway.
#[derive(Debug, Default)]
pub(super) struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// Nobody passes before this time, where there is one.
    barred_until: Option<Instant>,
}

impl Circuit {
    /// Runs a try if the circuit lets it through, and takes note of what it says.
    pub async fn through(&self, trying: impl Future<Output = (Sent, Contact)>) -> Sent {
        if let Err(rest) = self.admit(Instant::now()) {
            return Sent::Later {
                reason: open(),
                after: Some(rest),
                may_have_acted: false,
            };
        }
        let (sent, contact) = trying.await;
        self.record(Instant::now(), contact);
        sent
    }

    /// How long it stays open, where it is: a try would not pass.
    pub fn rest(&self) -> Option<Duration> {
        let until = self.state().barred_until?;
        let rest = until.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then_some(rest)
    }

    /// Whether a try may pass. After the rest one try passes, and keeps the
    /// others out for as long again: a try that never comes back, because its
    /// process was frozen or dropped, blocks nothing for ever.
    ///
    /// # Errors
    ///
    /// How long it is open from now on.
    fn admit(&self, now: Instant) -> Result<(), Duration> {
        let mut state = self.state();
        let Some(until) = state.barred_until else {
            return Ok(());
        };
        if now < until {
            return Err(until - now);
        }
        state.barred_until = Some(now + REST);
        Ok(())
    }

    fn record(&self, now: Instant, contact: Contact) {
        let mut state = self.state();
        match contact {
            Contact::Well => *state = State::default(),
            Contact::Failing => {
                state.failures = state.failures.saturating_add(1);
                if state.failures >= FAILURES {
                    state.barred_until = Some(now + REST);
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why nobody passes.
pub(super) fn open() -> String {
    format!("the last {FAILURES} tries or more have failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A circuit that has opened at this time.
    fn opened(now: Instant) -> Circuit {
        let circuit = Circuit::default();
        for _ in 0..FAILURES {
            assert_eq!(circuit.admit(now), Ok(()));
            circuit.record(now, Contact::Failing);
        }
        circuit
    }

    #[test]
    fn it_opens_after_failures_one_after_the_other() {
        let now = Instant::now();
        let circuit = opened(now);
        assert_eq!(circuit.admit(now), Err(REST));
        assert_eq!(circuit.admit(now + SECOND), Err(REST - SECOND));
    }

    #[test]
    fn a_success_in_between_keeps_it_closed() {
        let (now, circuit) = (Instant::now(), Circuit::default());
        for nth in 0..20 {
            assert_eq!(circuit.admit(now), Ok(()));
            let contact = match nth % FAILURES {
                0 => Contact::Well,
                _ => Contact::Failing,
            };
            circuit.record(now, contact);
        }
    }

    #[test]
    fn one_probe_passes_after_the_rest_and_its_success_closes_it() {
        let now = Instant::now();
        let circuit = opened(now);
        let later = now + REST;
        assert_eq!(circuit.admit(later), Ok(()));
        assert_eq!(circuit.admit(later), Err(REST));
        circuit.record(later + SECOND, Contact::Well);
        for _ in 0..3 {
            assert_eq!(circuit.admit(later + SECOND), Ok(()));
        }
    }

    #[test]
    fn a_probe_that_fails_or_never_comes_back_opens_it_again() {
        let now = Instant::now();
        let circuit = opened(now);
        let later = now + REST;
        assert_eq!(circuit.admit(later), Ok(()));
        circuit.record(later + SECOND, Contact::Failing);
        assert_eq!(circuit.admit(later + REST), Err(SECOND));
        // This one never comes back.
        assert_eq!(circuit.admit(later + SECOND + REST), Ok(()));
        assert_eq!(circuit.admit(later + SECOND + REST * 2), Ok(()));
    }
}
