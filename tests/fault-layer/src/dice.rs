//! What befalls a request: drawn from the plan's seed.

use crate::{Kind, Plan};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use std::sync::Mutex;

/// Draws the fate of each request.
#[derive(Debug)]
pub struct Dice {
    plan: Plan,
    next: Mutex<SmallRng>,
}

impl Dice {
    /// Dice for this plan.
    pub fn new(plan: Plan) -> Self {
        let next = Mutex::new(SmallRng::seed_from_u64(plan.seed));
        Self { plan, next }
    }

    /// The fault of the next request, with the dice for its details. Each
    /// request takes one number of the seed's sequence, whatever becomes of it:
    /// so the nth request of a run has the same fate in the next run, as long
    /// as the run sends the same requests in the same order.
    pub fn draw(&self) -> Option<(Kind, SmallRng)> {
        let fate = self.next.lock().ok()?.random();
        let mut own = SmallRng::seed_from_u64(fate);
        if !own.random_bool(self.plan.rate) {
            return None;
        }
        let kind = *self.plan.kinds.choose(&mut own)?;
        Some((kind, own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64) -> Vec<Option<Kind>> {
        let dice = Dice::new(Plan::new(seed, 0.5));
        (0..200)
            .map(|_| dice.draw().map(|(kind, _)| kind))
            .collect()
    }

    #[test]
    fn a_seed_has_the_same_faults_each_time() {
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
    }

    #[test]
    fn the_rate_is_kept_and_every_kind_comes() {
        let fates = fates(3);
        let faults = fates.iter().flatten().count();
        assert!((60..140).contains(&faults), "{faults} of 200");
        for kind in Kind::ALL {
            assert!(fates.contains(&Some(kind)), "no {kind}");
        }
    }
}
