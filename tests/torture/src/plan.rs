//! What is sent: every event follows from the seed and its number alone.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::StreamName;
use serde_json::{Value, json};

/// The source of all events that are sent.
pub const SOURCE: &str = "/torture";

/// Products that the carts share.
const PRODUCTS: u64 = 500;

/// One event in so many places an order, which a rule reacts to.
const ORDERS: u32 = 40;

/// All events of a run.
pub struct Plan {
    seed: u64,
    events: u64,
    streams: u64,
}

impl Plan {
    /// So many events over so many streams: half of them polls, half carts.
    pub fn new(seed: u64, events: u64, streams: u64) -> Self {
        Self {
            seed,
            events,
            streams,
        }
    }

    /// The dice.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The streams.
    pub fn streams(&self) -> impl Iterator<Item = String> {
        (0..self.streams).map(stream)
    }

    /// The event of a number, as a client sends it.
    pub fn event(&self, number: u64) -> Value {
        let mut dice = self.dice(number);
        let nth = dice.random_range(0..self.streams);
        let (kind, data) = if nth.is_multiple_of(2) {
            let choices = service::poll::CHOICES;
            let choice = choices[dice.random_range(0..choices.len())];
            let user = format!("user-{}", dice.random_range(0..self.events));
            ("vote-cast", json!({"user": user, "choice": choice}))
        } else if dice.random_ratio(1, ORDERS) {
            ("order-placed", json!({"order_id": number.to_string()}))
        } else {
            let product = format!("product-{}", dice.random_range(0..PRODUCTS));
            ("product-added-to-cart", json!({"product_id": product}))
        };
        json!({
            "specversion": "1.0",
            "id": number.to_string(),
            "source": SOURCE,
            "type": kind,
            "subject": stream(nth),
            "data": data,
        })
    }

    /// An event of the same identity and stream that says something else.
    pub fn impostor(&self, number: u64) -> Value {
        let mut event = self.event(number);
        event["data"] = json!({"user": "impostor", "choice": "none", "product_id": "impostor", "order_id": "impostor"});
        event
    }

    fn dice(&self, number: u64) -> SmallRng {
        // Far apart, so that neighbouring numbers and seeds share nothing.
        let mixed = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        SmallRng::seed_from_u64(mixed)
    }
}

/// The stream in which the rule `orders-open` opens the order of an event.
pub fn order(number: u64) -> Result<StreamName, String> {
    StreamName::of("order", &number.to_string()).map_err(|bad| bad.to_string())
}

fn stream(nth: u64) -> String {
    match nth.is_multiple_of(2) {
        true => format!("poll-torture.{nth}"),
        false => format!("cart-torture.{nth}"),
    }
}
