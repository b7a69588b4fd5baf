//! Mails to whoever has ordered, when an order's status changes.

use super::order::{CancelReason, OrderEvent, id_of};
use crate::mails::{Letter, Mails};
use rewind::{Action, Envelope, Process, Rejection};
use serde::{Deserialize, Serialize};

/// What the notices know of an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Known {
    /// The address of whoever has ordered.
    pub email: Option<String>,
}

/// A mail for each change of an order's status. Whoever gave no address gets
/// none.
#[derive(Debug)]
pub struct Notices;

impl Process for Notices {
    type Event = OrderEvent;
    type State = Known;
    const NAME: &'static str = "notices";

    /// Only orders with an address have a journal, and only their first event
    /// tells it.
    fn key(event: &Envelope<OrderEvent>) -> Option<String> {
        match &event.data {
            OrderEvent::OrderOpened { email: None, .. } => None,
            _ => Some(id_of(event.stream())),
        }
    }

    fn on(known: &mut Known, event: &Envelope<OrderEvent>) -> Result<Vec<Action>, Rejection> {
        let text = match &event.data {
            OrderEvent::OrderOpened { email, .. } => {
                known.email.clone_from(email);
                "Thank you: we have your order."
            }
            OrderEvent::OrderPaid => "Your payment has arrived.",
            OrderEvent::OrderDispatched => "Your order is on its way.",
            OrderEvent::OrderDelivered => "Your order has arrived.",
            OrderEvent::OrderCancelled { reason } => match reason {
                CancelReason::Requested => "Your order is cancelled, as you asked.",
                CancelReason::PaymentFailed => "Your order is cancelled: the payment failed.",
                CancelReason::PaymentOverdue => "Your order is cancelled: nobody has paid it.",
            },
        };
        let Some(to) = &known.email else {
            return Ok(vec![]);
        };
        let id = id_of(event.stream());
        let letter = Letter {
            about: format!("order-{id}"),
            to: to.clone(),
            subject: format!("Your order {id}"),
            text: text.into(),
        };
        Ok(vec![Action::call::<Mails>(&letter)?])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::given;

    fn opened(email: Option<&str>) -> OrderEvent {
        OrderEvent::OrderOpened {
            user_id: Some("ann".into()),
            email: email.map(Into::into),
            lines: vec![],
            origin: None,
        }
    }

    #[test]
    fn a_change_of_status_is_told_to_whoever_gave_an_address() {
        let letter = Letter {
            about: "order-1".into(),
            to: "ann@example.org".into(),
            subject: "Your order 1".into(),
            text: "Your payment has arrived.".into(),
        };
        given([opened(Some("ann@example.org")), OrderEvent::OrderPaid])
            .process::<Notices>()
            .then([Action::call::<Mails>(&letter).unwrap()]);
        given([opened(None), OrderEvent::OrderPaid])
            .process::<Notices>()
            .then([]);
    }
}
