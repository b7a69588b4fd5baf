//! What goes wrong, and how often.

use std::{fmt, str::FromStr};

/// Which faults there are to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What all is drawn from.
    pub seed: u64,
    /// The chance of a fault per request, 0 to 1.
    pub rate: f64,
    /// What a fault is one of, with equal chances. A kind that does not suit a
    /// request leaves it alone.
    pub kinds: Vec<Kind>,
}

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The request never arrives; the connection fails.
    RequestLost,
    /// The request succeeds; the connection fails before its answer comes.
    AnswerLost,
    /// The connection fails, and the request arrives afterwards, perhaps behind
    /// its own repetition.
    Late,
    /// The service asks to slow down.
    Throttled,
    /// The service fails: 500.
    ServerError,
    /// A part of the request fails: records, statements, keys, a transaction.
    Partial,
    /// The request takes longer.
    Latency,
}

/// A plan's text that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no part of a plan such as `seed=7,rate=0.02,kinds=throttled+late`")]
pub struct BadPlan(String);

impl Plan {
    /// Faults of all kinds.
    pub fn new(seed: u64, rate: f64) -> Self {
        Self {
            seed,
            rate,
            kinds: Kind::ALL.to_vec(),
        }
    }
}

impl FromStr for Plan {
    type Err = BadPlan;

    fn from_str(text: &str) -> Result<Self, BadPlan> {
        let mut plan = Self::new(0, 0.02);
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let bad = || BadPlan(part.to_string());
            match part.split_once('=').ok_or_else(bad)? {
                ("seed", seed) => plan.seed = seed.parse().map_err(|_| bad())?,
                ("rate", rate) => {
                    let rate: f64 = rate.parse().map_err(|_| bad())?;
                    plan.rate = Some(rate)
                        .filter(|rate| (0.0..=1.0).contains(rate))
                        .ok_or_else(bad)?;
                }
                ("kinds", kinds) => {
                    let kinds = kinds.split('+').filter(|kind| !kind.is_empty());
                    let known = kinds.map(|name| {
                        let mut all = Kind::ALL.into_iter();
                        all.find(|kind| kind.name() == name).ok_or_else(bad)
                    });
                    plan.kinds = known.collect::<Result<_, _>>()?;
                }
                _ => return Err(bad()),
            }
        }
        Ok(plan)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.name()).collect();
        let (seed, rate) = (self.seed, self.rate);
        write!(f, "seed={seed},rate={rate},kinds={}", kinds.join("+"))
    }
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::RequestLost,
        Self::AnswerLost,
        Self::Late,
        Self::Throttled,
        Self::ServerError,
        Self::Partial,
        Self::Latency,
    ];

    /// Its name in plans, logs and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::RequestLost => "request-lost",
            Self::AnswerLost => "answer-lost",
            Self::Late => "late",
            Self::Throttled => "throttled",
            Self::ServerError => "server-error",
            Self::Partial => "partial",
            Self::Latency => "latency",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_as_it_is_written() {
        let plan = Plan {
            seed: 3,
            rate: 0.25,
            kinds: vec![Kind::Late, Kind::Partial],
        };
        assert_eq!(plan.to_string().parse(), Ok(plan));
        assert_eq!("seed=9,rate=1".parse(), Ok(Plan::new(9, 1.0)));
    }

    #[test]
    fn what_is_no_plan_is_named() {
        for bad in ["rate=2", "kinds=earthquake", "speed=1", "seed"] {
            let refused = format!("seed=1,{bad}").parse::<Plan>();
            assert_eq!(refused, Err(BadPlan(bad.to_string())));
        }
    }
}
