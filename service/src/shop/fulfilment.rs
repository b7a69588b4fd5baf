//! From a paid order to its parcel: what orders and shipments have to know of
//! each other.

use super::{
    order::{OrderCommand, OrderEvent, id_of},
    shipment::{ShipmentCommand, ShipmentEvent},
};
use rewind::{Action, Envelope, Process, Rejection};

rewind::events! {
    /// What the fulfilment listens to.
    pub enum FulfilmentEvent {
        /// Of an order.
        Order(OrderEvent),
        /// Of its shipment.
        Shipment(ShipmentEvent),
    }
}

/// An order that is paid is shipped, unless it is cancelled before it leaves.
#[derive(Debug)]
pub struct Fulfilment;

impl Process for Fulfilment {
    type Event = FulfilmentEvent;
    /// Whether a shipment was asked for.
    type State = bool;
    const NAME: &'static str = "fulfilment";

    fn key(event: &Envelope<FulfilmentEvent>) -> Option<String> {
        match &event.data {
            FulfilmentEvent::Order(OrderEvent::OrderPaid | OrderEvent::OrderCancelled { .. })
            | FulfilmentEvent::Shipment(
                ShipmentEvent::ShipmentDispatched { .. } | ShipmentEvent::ShipmentDelivered,
            ) => Some(id_of(event.stream())),
            FulfilmentEvent::Order(
                OrderEvent::OrderOpened { .. }
                | OrderEvent::OrderDispatched
                | OrderEvent::OrderDelivered,
            )
            | FulfilmentEvent::Shipment(
                ShipmentEvent::ShipmentPrepared | ShipmentEvent::ShipmentCancelled,
            ) => None,
        }
    }

    fn on(
        is_asked: &mut bool,
        event: &Envelope<FulfilmentEvent>,
    ) -> Result<Vec<Action>, Rejection> {
        let id = id_of(event.stream());
        Ok(match &event.data {
            FulfilmentEvent::Order(OrderEvent::OrderPaid) => {
                *is_asked = true;
                vec![Action::command(&id, &ShipmentCommand::PrepareShipment)?]
            }
            FulfilmentEvent::Order(OrderEvent::OrderCancelled { .. }) if *is_asked => {
                vec![Action::command(&id, &ShipmentCommand::CancelShipment)?]
            }
            FulfilmentEvent::Shipment(ShipmentEvent::ShipmentDispatched { .. }) => {
                vec![Action::command(&id, &OrderCommand::MarkOrderDispatched)?]
            }
            FulfilmentEvent::Shipment(ShipmentEvent::ShipmentDelivered) => {
                vec![Action::command(&id, &OrderCommand::MarkOrderDelivered)?]
            }
            FulfilmentEvent::Order(
                OrderEvent::OrderOpened { .. }
                | OrderEvent::OrderDispatched
                | OrderEvent::OrderDelivered
                | OrderEvent::OrderCancelled { .. },
            )
            | FulfilmentEvent::Shipment(
                ShipmentEvent::ShipmentPrepared | ShipmentEvent::ShipmentCancelled,
            ) => vec![],
        })
    }
}

#[cfg(test)]
mod tests;
