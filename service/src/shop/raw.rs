//! Raw orders, which other systems post to `/inputs/orders`.

use super::order::{Line, OrderCommand, Origin, open};
use rewind::{Adapter, Envelope, NewCommand, Rejection};
use serde::Deserialize;
use serde_json::Value;

/// A raw order.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct RawOrder {
    pub applies: String,
    pub source: String,
    pub profile: String,
    pub order_id: String,
    pub user_id: Option<String>,
    pub email: Option<String>,
    #[serde(default)]
    pub lines: Vec<Line>,
}

/// The adapter of `/inputs/orders`.
#[derive(Debug)]
pub struct RawOrders;

impl Adapter for RawOrders {
    type Input = RawOrder;
    type Emits = NewCommand;
    const SOURCE: &'static str = "orders";

    /// One order, one partition. An order that lacks something has another one:
    /// there, it does not stand in the way when the whole order is sent.
    fn partition(input: &Value) -> Option<String> {
        let id = input.get("order_id")?.as_str()?;
        Some(match Self::read(input) {
            Ok(_) => id.into(),
            Err(_) => format!("{id}.incomplete"),
        })
    }

    fn map(input: &Envelope<RawOrder>) -> Result<Vec<NewCommand>, Rejection> {
        let raw = &input.data;
        let command = OrderCommand::OpenOrder {
            user_id: raw.user_id.clone(),
            email: raw.email.clone(),
            lines: raw.lines.clone(),
            origin: Some(Origin {
                applies: raw.applies.clone(),
                source: raw.source.clone(),
                profile: raw.profile.clone(),
            }),
        };
        Ok(vec![open(&raw.order_id, &command)?])
    }
}

#[cfg(test)]
mod tests;
