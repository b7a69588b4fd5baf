//! The domain of docs/rebuild.md, in the three versions that the page deploys
//! one after the other: one projection, `sum`, whose code changes.

use rewind::{Envelope, Event, Rejection, Service, SingleStreamProjection};
use schemars::JsonSchema;
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

#[derive(Serialize, Deserialize, JsonSchema)]
enum PollEvent {
    VoteCast { user: String, choice: String },
}

impl Event for PollEvent {
    const CATEGORY: &'static str = "poll";
}

impl Sum {
    fn count(&mut self, choice: &str) {
        *self.votes.entry(choice.into()).or_default() += 1;
        self.total += 1;
    }
}

/// Every vote counts: people vote twice.
struct BasicSum;
impl SingleStreamProjection for BasicSum {
    type Event = PollEvent;
    type Row = Sum;
    const NAME: &'static str = "sum";
    fn apply(sum: &mut Sum, event: &Envelope<PollEvent>) -> Result<(), Rejection> {
        let PollEvent::VoteCast { choice, .. } = &event.data;
        sum.count(choice);
        Ok(())
    }
}

/// A user's first vote counts.
struct OneVoteSum;
impl SingleStreamProjection for OneVoteSum {
    type Event = PollEvent;
    type Row = Sum;
    const NAME: &'static str = "sum";
    const VERSION: u32 = 2;
    fn apply(sum: &mut Sum, event: &Envelope<PollEvent>) -> Result<(), Rejection> {
        let PollEvent::VoteCast { user, choice } = &event.data;
        if sum.who_voted.insert(user.clone()) {
            sum.count(choice);
        }
        Ok(())
    }
}

/// A user's first vote counts, if it can be eaten.
struct ValidChoiceSum;
impl SingleStreamProjection for ValidChoiceSum {
    type Event = PollEvent;
    type Row = Sum;
    const NAME: &'static str = "sum";
    const VERSION: u32 = 3;
    fn apply(sum: &mut Sum, event: &Envelope<PollEvent>) -> Result<(), Rejection> {
        let PollEvent::VoteCast { user, choice } = &event.data;
        if sum.who_voted.insert(user.clone()) && CHOICES.contains(&choice.as_str()) {
            sum.count(choice);
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
