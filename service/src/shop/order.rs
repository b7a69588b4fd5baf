//! An order, in the stream `order-<order_id>`. It knows nothing of payments and
//! shipments: processes listen to them and tell it.

use rewind::{
    Aggregate, Command, Decision, Envelope, Event, NewCommand, Rejection, SecondaryKey,
    SingleStreamProjection, StreamName, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Events.

/// Some pieces of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// The product.
    pub product_id: String,
    /// How many pieces of it.
    pub quantity: u32,
    /// What one piece costs.
    pub cents: u32,
}

/// What a raw order says of itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Origin {
    /// What it applies to.
    pub applies: String,
    /// Where it comes from.
    pub source: String,
    /// Under which profile.
    pub profile: String,
}

/// Why an order is cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CancelReason {
    /// Somebody asked for it.
    #[default]
    Requested,
    /// The payment failed.
    PaymentFailed,
    /// The payment was not confirmed in time.
    PaymentOverdue,
}

/// What happens to an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum OrderEvent {
    /// A user's order was placed.
    OrderOpened {
        /// The user; `null` where the id was too long for the name of a stream.
        /// The event that caused this one tells such users apart.
        user_id: Option<String>,
        /// Where mails about it go, where somebody wants them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// What is ordered; empty where a cart was ordered, which tells it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lines: Vec<Line>,
        /// Where a raw order came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// Its payment was confirmed.
    OrderPaid,
    /// It is on its way.
    OrderDispatched,
    /// It has arrived.
    OrderDelivered,
    /// It will not be sent.
    OrderCancelled {
        /// Why.
        reason: CancelReason,
    },
}

impl Event for OrderEvent {
    const CATEGORY: &'static str = "order";
}

// Commands.

/// What may be asked of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum OrderCommand {
    /// Given by the rule `orders-open` and by the adapter of raw orders.
    OpenOrder {
        /// Who orders.
        user_id: Option<String>,
        /// Where mails about it go.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        email: Option<String>,
        /// What.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        lines: Vec<Line>,
        /// Where a raw order came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<Origin>,
    },
    /// Given by the process `checkout`, and by whoever takes the money of an order
    /// that has no lines.
    MarkOrderPaid,
    /// Given by the process `fulfilment`.
    MarkOrderDispatched,
    /// Given by the process `fulfilment`.
    MarkOrderDelivered,
    /// Given by whoever wants it, and by the process `checkout`.
    CancelOrder {
        /// Why.
        #[serde(default)]
        reason: CancelReason,
    },
}

impl Command for OrderCommand {
    type Aggregate = Order;
}

// Rejections.

/// Why an order refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum OrderRejection {
    #[error("there is no such order")]
    NotOpened,
    #[error("the order was opened already")]
    AlreadyOpened,
    #[error("no pieces of the product {product_id} are ordered")]
    NoPieces { product_id: String },
    #[error("the order is not paid")]
    NotPaid,
    #[error("the order is paid")]
    AlreadyPaid,
    #[error("the order is on its way")]
    AlreadyDispatched,
    #[error("the order has arrived")]
    AlreadyDelivered,
    #[error("the order is cancelled")]
    Cancelled,
}

// State.

/// How far an order is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Order {
    #[default]
    NotOpened,
    Opened,
    Paid,
    Dispatched,
    Delivered,
    Cancelled,
}

impl Order {
    fn apply(&mut self, event: &OrderEvent) {
        *self = match event {
            // Before orders were decided, one could be opened twice.
            OrderEvent::OrderOpened { .. } if *self != Self::NotOpened => *self,
            OrderEvent::OrderOpened { .. } => Self::Opened,
            OrderEvent::OrderPaid => Self::Paid,
            OrderEvent::OrderDispatched => Self::Dispatched,
            OrderEvent::OrderDelivered => Self::Delivered,
            OrderEvent::OrderCancelled { .. } => Self::Cancelled,
        }
    }

    /// Why an order that is as far as this cannot go where it was told to.
    fn refuses(self) -> OrderRejection {
        match self {
            Self::NotOpened => OrderRejection::NotOpened,
            Self::Opened => OrderRejection::NotPaid,
            Self::Paid => OrderRejection::AlreadyPaid,
            Self::Dispatched => OrderRejection::AlreadyDispatched,
            Self::Delivered => OrderRejection::AlreadyDelivered,
            Self::Cancelled => OrderRejection::Cancelled,
        }
    }
}

// Aggregate.

impl Aggregate for Order {
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = OrderRejection;

    fn decide(
        &self,
        command: OrderCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, OrderRejection> {
        let event = match (command, self) {
            (
                OrderCommand::OpenOrder {
                    user_id,
                    email,
                    lines,
                    origin,
                },
                Self::NotOpened,
            ) => {
                if let Some(empty) = lines.iter().find(|line| line.quantity == 0) {
                    let product_id = empty.product_id.clone();
                    return Err(OrderRejection::NoPieces { product_id });
                }
                OrderEvent::OrderOpened {
                    user_id,
                    email,
                    lines,
                    origin,
                }
            }
            (OrderCommand::OpenOrder { .. }, _) => return Err(OrderRejection::AlreadyOpened),
            (OrderCommand::MarkOrderPaid, Self::Opened) => OrderEvent::OrderPaid,
            (OrderCommand::MarkOrderDispatched, Self::Paid) => OrderEvent::OrderDispatched,
            // Commands of processes may overtake each other.
            (OrderCommand::MarkOrderDelivered, Self::Paid | Self::Dispatched) => {
                OrderEvent::OrderDelivered
            }
            (OrderCommand::CancelOrder { reason }, Self::Opened) => {
                OrderEvent::OrderCancelled { reason }
            }
            // A payment that was in time after all wins over its deadline.
            (
                OrderCommand::CancelOrder {
                    reason: reason @ CancelReason::Requested,
                },
                Self::Paid,
            ) => OrderEvent::OrderCancelled { reason },
            (
                OrderCommand::MarkOrderPaid
                | OrderCommand::MarkOrderDispatched
                | OrderCommand::MarkOrderDelivered
                | OrderCommand::CancelOrder { .. },
                state,
            ) => return Err(state.refuses()),
        };
        Ok([event].into())
    }

    fn evolve(&mut self, event: &Envelope<OrderEvent>) {
        self.apply(&event.data);
    }

    /// An event may happen where the command that asks for it is taken.
    fn allows(&self, event: &Envelope<OrderEvent>) -> Result<(), OrderRejection> {
        let command = match event.data.clone() {
            OrderEvent::OrderOpened {
                user_id,
                email,
                lines,
                origin,
            } => OrderCommand::OpenOrder {
                user_id,
                email,
                lines,
                origin,
            },
            OrderEvent::OrderPaid => OrderCommand::MarkOrderPaid,
            OrderEvent::OrderDispatched => OrderCommand::MarkOrderDispatched,
            OrderEvent::OrderDelivered => OrderCommand::MarkOrderDelivered,
            OrderEvent::OrderCancelled { reason } => OrderCommand::CancelOrder { reason },
        };
        self.decide(command, Timestamp::UNIX_EPOCH).map(drop)
    }
}

// Projection.

/// An order as readers see it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct OrderRow {
    pub status: Order,
    pub user_id: Option<String>,
    pub lines: Vec<Line>,
    /// `null` where a cart was ordered.
    pub cents: Option<u64>,
    pub cancelled_because: Option<CancelReason>,
}

/// Each order.
#[derive(Debug)]
pub struct Orders;

impl SingleStreamProjection for Orders {
    type Event = OrderEvent;
    type Row = OrderRow;
    const NAME: &'static str = "orders";

    fn secondary_key() -> Option<SecondaryKey<OrderRow>> {
        let user = |row: &OrderRow| row.user_id.clone();
        Some(SecondaryKey::named("user", user))
    }

    fn apply(row: &mut OrderRow, event: &Envelope<OrderEvent>) -> Result<(), Rejection> {
        match &event.data {
            OrderEvent::OrderOpened { user_id, lines, .. } => {
                row.user_id.clone_from(user_id);
                row.lines.clone_from(lines);
                row.cents = cents(lines);
            }
            OrderEvent::OrderCancelled { reason } => row.cancelled_because = Some(*reason),
            OrderEvent::OrderPaid | OrderEvent::OrderDispatched | OrderEvent::OrderDelivered => {}
        }
        row.status.apply(&event.data);
        Ok(())
    }
}

// What rules and processes need.

/// What the lines cost; `None` where there are none.
pub(super) fn cents(lines: &[Line]) -> Option<u64> {
    let cents = |line: &Line| u64::from(line.quantity) * u64::from(line.cents);
    let total = |sum: u64, line| sum.saturating_add(cents(line));
    (!lines.is_empty()).then(|| lines.iter().fold(0, total))
}

/// The id of an order, from the name of its stream, or of the streams of its
/// payment and its shipment: they have the same id.
pub(super) fn id_of(stream: &StreamName) -> String {
    let id = stream.original_id();
    id.map_or_else(|| stream.id().into(), Into::into)
}

/// The command that opens an order.
///
/// # Errors
///
/// Where the id is so long that the streams of the order's payment, shipment and
/// processes could not tell it.
pub(super) fn open(order_id: &str, command: &OrderCommand) -> Result<NewCommand, Rejection> {
    let journal = StreamName::of("process:fulfilment", order_id)?;
    if journal.original_id().is_none() {
        return Err(Rejection::new("`order_id`: the id is too long"));
    }
    NewCommand::new(order_id, command)
}

#[cfg(test)]
mod tests;
