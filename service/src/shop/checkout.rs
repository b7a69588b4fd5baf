//! From an order to its money: what orders and payments have to know of each
//! other.

use super::{
    order::{CancelReason, OrderCommand, OrderEvent, cents, id_of},
    payment::{PaymentCommand, PaymentEvent},
    provider::{PaymentAction, Provider},
};
use rewind::{Action, Envelope, Process, Reached, Rejection, jiff::SignedDuration};
use serde::{Deserialize, Serialize};

/// How long a user may take to pay.
pub const TIME_TO_PAY: SignedDuration = SignedDuration::from_hours(3 * 24);

/// The deadline of a payment.
const PAYMENT: &str = "payment";

rewind::events! {
    /// What the checkout listens to.
    pub enum CheckoutEvent {
        /// Of an order.
        Order(OrderEvent),
        /// Of its payment.
        Payment(PaymentEvent),
    }
}

/// What the checkout knows. Events of the two streams come in any order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// What the order costs.
    pub cents: Option<u64>,
    /// The money is there, and was not given back.
    pub is_confirmed: bool,
    /// The order is cancelled.
    pub is_cancelled: bool,
}

/// An order that is opened has to be paid within three days, or it is cancelled.
/// The payment provider keeps the money ready until the parcel leaves, and then
/// takes it. The money of a cancelled order goes back. An order of a cart has no lines, so
/// no price: whoever takes the money tells the order.
#[derive(Debug)]
pub struct Checkout;

impl Process for Checkout {
    type Event = CheckoutEvent;
    type State = Known;
    const NAME: &'static str = "checkout";
    const VERSION: u32 = 2;

    fn key(event: &Envelope<CheckoutEvent>) -> Option<String> {
        match &event.data {
            // Nobody knows what it costs: it is paid elsewhere.
            CheckoutEvent::Order(OrderEvent::OrderOpened { lines, .. }) if lines.is_empty() => None,
            CheckoutEvent::Order(
                OrderEvent::OrderOpened { .. }
                | OrderEvent::OrderDispatched
                | OrderEvent::OrderCancelled { .. },
            )
            | CheckoutEvent::Payment(
                PaymentEvent::PaymentRequested { cents: Some(_) }
                | PaymentEvent::PaymentConfirmed
                | PaymentEvent::PaymentFailed { .. }
                | PaymentEvent::PaymentRefunded,
            ) => Some(id_of(event.stream())),
            CheckoutEvent::Order(OrderEvent::OrderPaid | OrderEvent::OrderDelivered)
            | CheckoutEvent::Payment(PaymentEvent::PaymentRequested { cents: None }) => None,
        }
    }

    fn on(known: &mut Known, event: &Envelope<CheckoutEvent>) -> Result<Vec<Action>, Rejection> {
        let id = id_of(event.stream());
        Ok(match &event.data {
            CheckoutEvent::Order(OrderEvent::OrderOpened { lines, .. }) => {
                let cents = cents(lines);
                let request = PaymentCommand::RequestPayment { cents };
                let late = event.timestamp()?.checked_add(TIME_TO_PAY);
                let late = late.map_err(|_| Rejection::new("a deadline after the year 9999"))?;
                known.cents = cents;
                vec![
                    Action::command(&id, &request)?,
                    Action::deadline(PAYMENT, late),
                ]
            }
            CheckoutEvent::Payment(PaymentEvent::PaymentConfirmed) if known.is_cancelled => {
                vec![Action::command(&id, &PaymentCommand::RefundPayment)?]
            }
            CheckoutEvent::Payment(PaymentEvent::PaymentConfirmed) => {
                known.is_confirmed = true;
                vec![
                    Action::cancel(PAYMENT),
                    Action::command(&id, &OrderCommand::MarkOrderPaid)?,
                ]
            }
            CheckoutEvent::Payment(PaymentEvent::PaymentFailed { .. }) => vec![
                Action::cancel(PAYMENT),
                cancel(&id, CancelReason::PaymentFailed)?,
            ],
            CheckoutEvent::Order(OrderEvent::OrderCancelled { .. }) => {
                known.is_cancelled = true;
                match std::mem::take(&mut known.is_confirmed) {
                    true => vec![Action::command(&id, &PaymentCommand::RefundPayment)?],
                    false => vec![Action::cancel(PAYMENT)],
                }
            }
            // Only now: what the provider answers is a command to the payment.
            CheckoutEvent::Payment(PaymentEvent::PaymentRequested { .. }) => match known.cents {
                Some(cents) => {
                    let authorise = PaymentAction::Authorise { order: id, cents };
                    vec![Action::call::<Provider>(&authorise)?]
                }
                None => vec![],
            },
            CheckoutEvent::Order(OrderEvent::OrderDispatched) => match known.cents {
                Some(cents) => {
                    let capture = PaymentAction::Capture { order: id, cents };
                    vec![Action::call::<Provider>(&capture)?]
                }
                None => vec![],
            },
            CheckoutEvent::Payment(PaymentEvent::PaymentRefunded) => {
                let refund = PaymentAction::Refund { order: id };
                vec![Action::call::<Provider>(&refund)?]
            }
            CheckoutEvent::Order(OrderEvent::OrderPaid | OrderEvent::OrderDelivered) => vec![],
        })
    }

    fn reached(_: &mut Known, deadline: &Reached) -> Result<Vec<Action>, Rejection> {
        Ok(vec![cancel(&deadline.key, CancelReason::PaymentOverdue)?])
    }
}

fn cancel(order: &str, reason: CancelReason) -> Result<Action, Rejection> {
    Action::command(order, &OrderCommand::CancelOrder { reason })
}

#[cfg(test)]
mod tests;
