//! The events that are sent. Each depends on the seed and its number alone.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use rewind::StreamName;
use serde_json::{Value, json};

/// The source of all events that are sent.
pub const SOURCE: &str = "/torture";

/// The number of products that the carts share.
const PRODUCTS: u64 = 500;

/// One event of a cart in this many places an order. A rule reacts to orders.
const ORDERS: u32 = 40;

/// All events of one torture.
pub struct Plan {
    seed: u64,
    events: u64,
    streams: u64,
}

impl Plan {
    /// Plans a number of events over a number of streams: half of them polls,
    /// half carts.
    pub fn new(seed: u64, events: u64, streams: u64) -> Self {
        Self {
            seed,
            events,
            streams,
        }
    }

    /// Returns the seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the number of events.
    pub fn events(&self) -> u64 {
        self.events
    }

    /// Returns the streams.
    pub fn streams(&self) -> impl Iterator<Item = String> {
        (0..self.streams).map(stream)
    }

    /// Returns the event of a number, as a client sends it.
    pub fn event(&self, number: u64) -> Value {
        let mut dice = self.dice(number);
        let nth = dice.random_range(0..self.streams);
        let (event_type, data) = if nth.is_multiple_of(2) {
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
            "id": id(nth, number),
            "source": SOURCE,
            "type": event_type,
            "subject": stream(nth),
            "data": data,
        })
    }

    /// Returns an event of the same identity and stream with other data.
    pub fn impostor(&self, number: u64) -> Value {
        let mut event = self.event(number);
        event["data"] = json!({"user": "impostor", "choice": "none", "product_id": "impostor", "order_id": "impostor"});
        event
    }

    fn dice(&self, number: u64) -> SmallRng {
        // Mixed, so that neighbouring numbers and seeds give unrelated events.
        let mixed = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        SmallRng::seed_from_u64(mixed)
    }
}

/// The id of an event: every other poll and cart has numbered events, which four
/// clients send in nearly the right order.
fn id(nth: u64, number: u64) -> String {
    match nth % 4 < 2 {
        true => format!("#{}/{number}", stream(nth)),
        false => number.to_string(),
    }
}

/// The number in the id of an event that is sent.
pub fn number_of(id: &str) -> Option<u64> {
    id.rsplit('/').next()?.parse().ok()
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
