//! The domain of docs/rebuild.md, in the three versions that the page deploys
//! one after the other: one projection, `sum`, whose code changes.

use rewind::{RecordedEvent, Rejection, Service, SingleStreamProjection};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What there is to eat.
const CHOICES: [&str; 3] = ["chips", "salad", "steak"];

#[derive(Debug, Default, Serialize, Deserialize)]
struct Sum {
    total: u64,
    votes: BTreeMap<String, u64>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    who_voted: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Vote {
    user: String,
    choice: String,
}

impl Sum {
    fn count(&mut self, choice: String) {
        *self.votes.entry(choice).or_default() += 1;
        self.total += 1;
    }
}

/// Every vote counts: people vote twice.
struct BasicSum;
impl SingleStreamProjection for BasicSum {
    type State = Sum;
    const NAME: &'static str = "sum";
    const CATEGORY: &'static str = "poll";
    fn apply(sum: &mut Sum, event: &RecordedEvent) -> Result<(), Rejection> {
        let vote: Vote = event.data()?;
        sum.count(vote.choice);
        Ok(())
    }
}

/// A user's first vote counts.
struct OneVoteSum;
impl SingleStreamProjection for OneVoteSum {
    type State = Sum;
    const NAME: &'static str = "sum";
    const VERSION: u32 = 2;
    const CATEGORY: &'static str = "poll";
    fn apply(sum: &mut Sum, event: &RecordedEvent) -> Result<(), Rejection> {
        let vote: Vote = event.data()?;
        if sum.who_voted.insert(vote.user) {
            sum.count(vote.choice);
        }
        Ok(())
    }
}

/// A user's first vote counts, if it can be eaten.
struct ValidChoiceSum;
impl SingleStreamProjection for ValidChoiceSum {
    type State = Sum;
    const NAME: &'static str = "sum";
    const VERSION: u32 = 3;
    const CATEGORY: &'static str = "poll";
    fn apply(sum: &mut Sum, event: &RecordedEvent) -> Result<(), Rejection> {
        let vote: Vote = event.data()?;
        if sum.who_voted.insert(vote.user) && CHOICES.contains(&vote.choice.as_str()) {
            sum.count(vote.choice);
        }
        Ok(())
    }
}

/// The service as it was deployed for the n-th time.
pub fn deployed(nth: usize) -> Service {
    match nth {
        1 => Service::new().single_stream::<BasicSum>(),
        2 => Service::new().single_stream::<OneVoteSum>(),
        _ => Service::new().single_stream::<ValidChoiceSum>(),
    }
}
