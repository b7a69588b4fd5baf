//! A shop: what users put into their carts, what they order, and what becomes
//! of it.
//!
//! The shop's own system posts raw JSON to `/inputs/shop`; the adapter makes
//! events of it, in the stream `cart-<user_id>`. Orders, payments and shipments
//! are decided. They never call each other: processes listen to one and tell the
//! other.
//!
//! | file | what |
//! |---|---|
//! | this one | carts: facts, rows, the adapter, the rule that opens orders |
//! | [`order`] | the aggregate of orders: events, commands, rejections, row |
//! | [`payment`] | that of payments |
//! | [`provider`] | the gateway of the payment provider |
//! | [`shipment`] | that of shipments |
//! | [`checkout`] | a process: from an order to its money |
//! | [`fulfilment`] | a process: from a paid order to its parcel |
//! | [`notices`] | a process: mails about an order |
//! | [`steps`] | a row over orders, payments and shipments |
//! | [`raw`] | the adapter of raw orders |

pub mod checkout;
pub mod fulfilment;
pub mod notices;
pub mod order;
pub mod payment;
pub mod provider;
pub mod raw;
pub mod shipment;
pub mod steps;

use order::{OrderCommand, open};
use rewind::{
    Adapter, Envelope, Event, MultiStreamProjection, NewCommand, NewEvent, Rejection, Rule,
    SingleStreamProjection,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

// Carts.

/// What happens to a user's cart, in the stream `cart-<user_id>`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub enum CartEvent {
    ProductAddedToCart { product_id: String },
    ProductRemovedFromCart { product_id: String },
    OrderPlaced { order_id: String },
}

impl Event for CartEvent {
    const CATEGORY: &'static str = "cart";
}

/// A user's cart.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Cart {
    /// How many of each product are in it.
    pub products: BTreeMap<String, u64>,
    /// The product that was added last, whether or not it is still there.
    pub last_product_added: Option<String>,
    /// The order that was placed last.
    pub last_order: Option<String>,
}

/// What is in each cart. The row does not tell what a removal took out or what
/// an order emptied, so there is no `revert`: the stream is folded again.
#[derive(Debug)]
pub struct Carts;

impl SingleStreamProjection for Carts {
    type Event = CartEvent;
    type Row = Cart;
    const NAME: &'static str = "carts";

    fn apply(cart: &mut Cart, event: &Envelope<CartEvent>) -> Result<(), Rejection> {
        match &event.data {
            CartEvent::ProductAddedToCart { product_id } => {
                *cart.products.entry(product_id.clone()).or_default() += 1;
                cart.last_product_added = Some(product_id.clone());
            }
            CartEvent::ProductRemovedFromCart { product_id } => {
                *cart.products.entry(product_id.clone()).or_insert(1) -= 1;
                cart.products.retain(|_, count| *count > 0);
            }
            CartEvent::OrderPlaced { order_id } => {
                cart.products.clear();
                cart.last_order = Some(order_id.clone());
            }
        }
        Ok(())
    }
}

// The log of each user.

/// One thing that a user did.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogEntry {
    /// When, RFC 3339.
    pub time: String,
    /// What: the event's type.
    pub what: String,
    /// The product or order that it was about.
    pub about: Option<String>,
    /// Whether it was reversed. It happened all the same, so the log keeps it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reversed: bool,
}

/// What each user did, in order: a row an event under `<user>/<version>`, so
/// that a log may grow without end.
#[derive(Debug)]
pub struct UserLog;

impl MultiStreamProjection for UserLog {
    type Event = CartEvent;
    type Row = LogEntry;
    const NAME: &'static str = "user-log";

    fn keys(event: &Envelope<CartEvent>) -> Result<Vec<String>, Rejection> {
        // Ten digits keep the order of numbers in the order of texts.
        let user = event.stream().id();
        Ok(vec![format!("{user}/{:010}", event.version)])
    }

    fn apply(_: &str, entry: &mut LogEntry, event: &Envelope<CartEvent>) -> Result<(), Rejection> {
        let about = match &event.data {
            CartEvent::ProductAddedToCart { product_id }
            | CartEvent::ProductRemovedFromCart { product_id } => product_id,
            CartEvent::OrderPlaced { order_id } => order_id,
        };
        *entry = LogEntry {
            time: event.time().into(),
            what: event.event_type().into(),
            about: Some(about.clone()),
            reversed: false,
        };
        Ok(())
    }

    fn revert(_: &str, entry: &mut LogEntry, _: &Envelope<CartEvent>) -> Result<(), Rejection> {
        entry.reversed = true;
        Ok(())
    }
}

// Products.

/// How popular a product is.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Popularity {
    /// How often it was put into a cart.
    pub added: u64,
    /// How often it was taken out again.
    pub removed: u64,
}

impl Popularity {
    /// The count that an event changes; `None` for an event that is about no
    /// product.
    fn counted_by(&mut self, event: &CartEvent) -> Option<&mut u64> {
        match event {
            CartEvent::ProductAddedToCart { .. } => Some(&mut self.added),
            CartEvent::ProductRemovedFromCart { .. } => Some(&mut self.removed),
            CartEvent::OrderPlaced { .. } => None,
        }
    }
}

/// How often each product was added and removed, over all carts.
#[derive(Debug)]
pub struct Products;

impl MultiStreamProjection for Products {
    type Event = CartEvent;
    type Row = Popularity;
    const NAME: &'static str = "products";

    fn keys(event: &Envelope<CartEvent>) -> Result<Vec<String>, Rejection> {
        Ok(match &event.data {
            CartEvent::ProductAddedToCart { product_id }
            | CartEvent::ProductRemovedFromCart { product_id } => vec![product_id.clone()],
            CartEvent::OrderPlaced { .. } => Vec::new(),
        })
    }

    fn apply(
        _: &str,
        product: &mut Popularity,
        event: &Envelope<CartEvent>,
    ) -> Result<(), Rejection> {
        if let Some(count) = product.counted_by(&event.data) {
            *count += 1;
        }
        Ok(())
    }

    fn revert(
        key: &str,
        product: &mut Popularity,
        event: &Envelope<CartEvent>,
    ) -> Result<(), Rejection> {
        if let Some(count) = product.counted_by(&event.data) {
            // A wrong row stalls here, and does not wrap around in a release build.
            *count = count.checked_sub(1).ok_or_else(|| {
                Rejection::new(format!("product `{key}` was not counted that often"))
            })?;
        }
        Ok(())
    }
}

// Orders.

/// If an order was placed, then it is opened, in a stream of its own.
#[derive(Debug)]
pub struct OrdersOpen;

impl Rule for OrdersOpen {
    type Event = CartEvent;
    type Emits = NewCommand;
    const NAME: &'static str = "orders-open";

    fn react(event: &Envelope<CartEvent>) -> Result<Vec<NewCommand>, Rejection> {
        match &event.data {
            CartEvent::OrderPlaced { order_id } => {
                let command = OrderCommand::OpenOrder {
                    user_id: event.stream().original_id().map(Into::into),
                    email: None,
                    lines: vec![],
                    origin: None,
                };
                Ok(vec![open(order_id, &command)?])
            }
            CartEvent::ProductAddedToCart { .. } | CartEvent::ProductRemovedFromCart { .. } => {
                Ok(Vec::new())
            }
        }
    }
}

// Inputs.

/// What the shop's system posts.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Input {
    ProductAddedToCart {
        timestamp: String,
        product_id: String,
        user_id: String,
    },
    ProductRemovedFromCart {
        timestamp: String,
        product_id: String,
        user_id: String,
    },
    OrderPlaced {
        timestamp: String,
        order_id: String,
        user_id: String,
    },
}

/// The adapter of `/inputs/shop`.
#[derive(Debug)]
pub struct Inputs;

impl Adapter for Inputs {
    type Input = Input;
    type Emits = NewEvent;
    const SOURCE: &'static str = "shop";

    fn partition(input: &Value) -> Option<String> {
        input.get("user_id")?.as_str().map(ToString::to_string)
    }

    fn map(input: &Envelope<Input>) -> Result<Vec<NewEvent>, Rejection> {
        let (user_id, timestamp, event) = match &input.data {
            Input::ProductAddedToCart {
                timestamp,
                product_id,
                user_id,
            } => {
                let product_id = product_id.clone();
                let added = CartEvent::ProductAddedToCart { product_id };
                (user_id, timestamp, added)
            }
            Input::ProductRemovedFromCart {
                timestamp,
                product_id,
                user_id,
            } => {
                let product_id = product_id.clone();
                let removed = CartEvent::ProductRemovedFromCart { product_id };
                (user_id, timestamp, removed)
            }
            Input::OrderPlaced {
                timestamp,
                order_id,
                user_id,
            } => {
                let order_id = order_id.clone();
                (user_id, timestamp, CartEvent::OrderPlaced { order_id })
            }
        };
        Ok(vec![NewEvent::new(user_id, &event)?.at(timestamp)])
    }
}

#[cfg(test)]
mod tests;
