//! The events that the demonstration sends, and their expected results, counted
//! without Rewind.

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Choices that are valid, as the example domain has them.
const CHOICES: [&str; 5] = ["ice cream", "hot dogs", "chips", "steak", "salad"];
/// Choices that are not valid.
const NONSENSE: [&str; 4] = ["gravel", "the moon", "Tuesday", "42"];

/// A poll's votes, in order.
pub struct Votes {
    voters: usize,
    votes: Vec<(String, &'static str)>,
}

/// How many votes count for each choice.
pub type Count = BTreeMap<String, u64>;

impl Votes {
    /// Makes the votes of a number of voters. Half of them vote twice, and one
    /// vote in five is not valid. The same seed gives the same votes.
    pub fn new(voters: usize, seed: u64) -> Self {
        let mut dice = SmallRng::seed_from_u64(seed);
        let mut users: Vec<usize> = (0..voters).chain(0..voters / 2).collect();
        users.shuffle(&mut dice);
        let votes = users.into_iter().map(|user| {
            let choice = if dice.random_ratio(1, 5) {
                NONSENSE[dice.random_range(0..NONSENSE.len())]
            } else {
                CHOICES[dice.random_range(0..CHOICES.len())]
            };
            (format!("user-{user:04}"), choice)
        });
        Self {
            voters,
            votes: votes.collect(),
        }
    }

    /// How many people vote.
    pub fn voters(&self) -> usize {
        self.voters
    }

    /// How many votes there are.
    pub fn len(&self) -> usize {
        self.votes.len()
    }

    /// The events, in order, ending with the stop of the vote.
    pub fn events(&self, stream: &str) -> Vec<Value> {
        let event = |nth: usize, event_type: &str, data: Value| {
            json!({
                "specversion": "1.0",
                "id": format!("{stream}/{nth}"),
                "source": "/demo",
                "type": event_type,
                "subject": stream,
                "data": data,
            })
        };
        let votes = self.votes.iter().enumerate();
        let votes = votes.map(|(nth, (user, choice))| {
            event(nth, "vote-cast", json!({"user": user, "choice": choice}))
        });
        let stop = event(self.votes.len(), "voting-stopped", json!({}));
        votes.chain([stop]).collect()
    }

    /// Returns the expected count of each of the three projections.
    pub fn expected(&self) -> [(&'static str, Count); 3] {
        let mut voters = BTreeSet::new();
        let (mut every, mut first, mut valid) = (Count::new(), Count::new(), Count::new());
        for (user, choice) in &self.votes {
            let is_first = voters.insert(user);
            let is_valid = !NONSENSE.contains(choice);
            for (count, counts) in [
                (&mut every, true),
                (&mut first, is_first),
                (&mut valid, is_first && is_valid),
            ] {
                if counts {
                    *count.entry((*choice).to_string()).or_default() += 1;
                }
            }
        }
        [
            ("basic-sum", every),
            ("one-vote-sum", first),
            ("valid-choice-sum", valid),
        ]
    }
}

/// The three raw inputs that the shop's system posts.
pub fn shopping() -> [Value; 3] {
    [
        json!({"type": "product-added-to-cart", "timestamp": "2023-04-19T09:00:00Z", "product_id": "123", "user_id": "456"}),
        json!({"type": "product-removed-from-cart", "timestamp": "2023-04-19T09:15:00Z", "product_id": "123", "user_id": "456"}),
        json!({"type": "order-placed", "timestamp": "2023-04-19T09:30:00Z", "order_id": "789", "user_id": "456"}),
    ]
}

/// The cart after them.
pub fn cart() -> Value {
    json!({"products": {}, "last_product_added": "123", "last_order": "789"})
}
