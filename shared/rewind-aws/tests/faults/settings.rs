//! What a seed stands for, and how a failing one becomes smaller.

use fault_layer::Kind;
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};
use std::{env, fmt};

/// What the trigger layer may do to a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mischief {
    /// An older batch comes again.
    Repeat,
    /// A shard is not read for a while.
    Delay,
    /// A batch runs on while it is delivered again.
    Zombie,
    /// An invocation ends at any of its awaits.
    Kill,
    /// Records of `events` never arrive.
    Lose,
    /// Records that hold nothing readable come in.
    Junk,
    /// The domain refuses some events until it is mended.
    Poison,
}

pub const MISCHIEFS: [(Mischief, &str); 7] = [
    (Mischief::Repeat, "repeat"),
    (Mischief::Delay, "delay"),
    (Mischief::Zombie, "zombie"),
    (Mischief::Kill, "kill"),
    (Mischief::Lose, "lose"),
    (Mischief::Junk, "junk"),
    (Mischief::Poison, "poison"),
];

/// A simulation.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub seed: u64,
    /// For how many rounds clients send and triggers do mischief.
    pub rounds: usize,
    /// The chance of a fault per request.
    pub rate: f64,
    pub kinds: Vec<Kind>,
    pub mischiefs: Vec<Mischief>,
    /// How often the SDK tries each request.
    pub attempts: u32,
}

impl Settings {
    /// The simulation of a seed; the environment can make it smaller.
    pub fn of(seed: u64) -> Self {
        let mut dice = SmallRng::seed_from_u64(seed);
        let rate = *[0.03, 0.08, 0.15, 0.25].choose(&mut dice).unwrap();
        let attempts = dice.random_range(1..=3);
        let chosen = |chance: f64, dice: &mut SmallRng| dice.random_bool(chance);
        let kinds = Kind::ALL.into_iter();
        let mut kinds: Vec<Kind> = kinds.filter(|_| chosen(0.7, &mut dice)).collect();
        let mischiefs = MISCHIEFS.iter().map(|(mischief, _)| *mischief);
        let mut mischiefs: Vec<Mischief> = mischiefs.filter(|_| chosen(0.6, &mut dice)).collect();
        if let Ok(names) = env::var("REWIND_KINDS") {
            let named = |kind: &Kind| names.split('+').any(|name| name == kind.name());
            kinds = Kind::ALL.into_iter().filter(named).collect();
        }
        if let Ok(names) = env::var("REWIND_MISCHIEF") {
            let named = |name: &str| names.split('+').any(|one| one == name);
            let known = MISCHIEFS.iter().filter(|(_, name)| named(name));
            mischiefs = known.map(|(mischief, _)| *mischief).collect();
        }
        let rounds = env::var("REWIND_ROUNDS").ok();
        Self {
            seed,
            rounds: rounds.map_or(12, |rounds| rounds.parse().unwrap()),
            rate: if kinds.is_empty() { 0.0 } else { rate },
            kinds,
            mischiefs,
            attempts,
        }
    }

    pub fn has(&self, mischief: Mischief) -> bool {
        self.mischiefs.contains(&mischief)
    }

    /// The settings that are one step smaller, the largest steps first.
    pub fn smaller(&self) -> Vec<Self> {
        let mut smaller = Vec::new();
        if self.rounds > 3 {
            let rounds = self.rounds / 2;
            smaller.push(Self {
                rounds,
                ..self.clone()
            });
        }
        for nth in 0..self.mischiefs.len() {
            let mut less = self.clone();
            less.mischiefs.remove(nth);
            smaller.push(less);
        }
        for nth in 0..self.kinds.len() {
            let mut less = self.clone();
            less.kinds.remove(nth);
            smaller.push(less);
        }
        smaller
    }
}

/// How to run it alone.
impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        let known = MISCHIEFS.iter().filter(|(mischief, _)| self.has(*mischief));
        let mischiefs: Vec<&str> = known.map(|(_, name)| *name).collect();
        write!(
            f,
            "REWIND_SEED={} REWIND_ROUNDS={} REWIND_KINDS={} REWIND_MISCHIEF={} cargo test -p rewind-aws --test faults",
            self.seed,
            self.rounds,
            kinds.join("+"),
            mischiefs.join("+"),
        )
    }
}
