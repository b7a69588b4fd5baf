//! The shipment of an order, in the stream `shipment-<order_id>`. The warehouse
//! sends its commands.

use rewind::{
    Aggregate, Command, Decision, Envelope, Event, Rejection, SingleStreamProjection, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Events.

/// What happens to a shipment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum ShipmentEvent {
    /// The warehouse has to pack it.
    ShipmentPrepared,
    /// It has left the warehouse.
    ShipmentDispatched {
        /// Who carries it.
        carrier: String,
    },
    /// The user has it.
    ShipmentDelivered,
    /// It stays in the warehouse.
    ShipmentCancelled,
}

impl Event for ShipmentEvent {
    const CATEGORY: &'static str = "shipment";
}

// Commands.

/// What may be asked of a shipment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum ShipmentCommand {
    /// Given by the process `fulfilment`.
    PrepareShipment,
    /// Given by the warehouse.
    DispatchShipment {
        /// Who carries it.
        carrier: String,
    },
    /// Given by the carrier.
    DeliverShipment,
    /// Given by the process `fulfilment`.
    CancelShipment,
}

impl Command for ShipmentCommand {
    type Aggregate = Shipment;
}

// Rejections.

/// Why a shipment refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ShipmentRejection {
    #[error("there is no such shipment")]
    NotPrepared,
    #[error("the shipment was prepared already")]
    AlreadyPrepared,
    #[error("the shipment is not on its way")]
    NotDispatched,
    #[error("the shipment is on its way")]
    AlreadyDispatched,
    #[error("the shipment has arrived")]
    AlreadyDelivered,
    #[error("the shipment is cancelled")]
    Cancelled,
}

// State.

/// How far a shipment is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Shipment {
    #[default]
    NotPrepared,
    Prepared,
    Dispatched,
    Delivered,
    Cancelled,
}

impl Shipment {
    fn apply(&mut self, event: &ShipmentEvent) {
        *self = match event {
            ShipmentEvent::ShipmentPrepared => Self::Prepared,
            ShipmentEvent::ShipmentDispatched { .. } => Self::Dispatched,
            ShipmentEvent::ShipmentDelivered => Self::Delivered,
            ShipmentEvent::ShipmentCancelled => Self::Cancelled,
        }
    }
}

// Aggregate.

impl Aggregate for Shipment {
    type Command = ShipmentCommand;
    type Event = ShipmentEvent;
    type Rejection = ShipmentRejection;

    fn decide(
        &self,
        command: ShipmentCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, ShipmentRejection> {
        use ShipmentRejection as Rejected;
        let event = match (command, self) {
            (_, Self::Cancelled) => return Err(Rejected::Cancelled),
            (ShipmentCommand::PrepareShipment, Self::NotPrepared) => {
                ShipmentEvent::ShipmentPrepared
            }
            (ShipmentCommand::PrepareShipment, _) => return Err(Rejected::AlreadyPrepared),
            (ShipmentCommand::DispatchShipment { carrier }, Self::Prepared) => {
                ShipmentEvent::ShipmentDispatched { carrier }
            }
            (ShipmentCommand::DeliverShipment, Self::Dispatched) => {
                ShipmentEvent::ShipmentDelivered
            }
            (ShipmentCommand::DeliverShipment, Self::Prepared) => {
                return Err(Rejected::NotDispatched);
            }
            // Commands of processes may overtake each other: a shipment that is
            // cancelled before it is prepared is never prepared.
            (ShipmentCommand::CancelShipment, Self::NotPrepared | Self::Prepared) => {
                ShipmentEvent::ShipmentCancelled
            }
            (
                ShipmentCommand::DispatchShipment { .. } | ShipmentCommand::DeliverShipment,
                Self::NotPrepared,
            ) => return Err(Rejected::NotPrepared),
            (
                ShipmentCommand::DispatchShipment { .. } | ShipmentCommand::CancelShipment,
                Self::Dispatched,
            ) => return Err(Rejected::AlreadyDispatched),
            (
                ShipmentCommand::DispatchShipment { .. }
                | ShipmentCommand::DeliverShipment
                | ShipmentCommand::CancelShipment,
                Self::Delivered,
            ) => return Err(Rejected::AlreadyDelivered),
        };
        Ok([event].into())
    }

    fn evolve(&mut self, event: &Envelope<ShipmentEvent>) {
        self.apply(&event.data);
    }

    /// An event may happen where the command that asks for it is taken.
    fn allows(&self, event: &Envelope<ShipmentEvent>) -> Result<(), ShipmentRejection> {
        let command = match event.data.clone() {
            ShipmentEvent::ShipmentPrepared => ShipmentCommand::PrepareShipment,
            ShipmentEvent::ShipmentDispatched { carrier } => {
                ShipmentCommand::DispatchShipment { carrier }
            }
            ShipmentEvent::ShipmentDelivered => ShipmentCommand::DeliverShipment,
            ShipmentEvent::ShipmentCancelled => ShipmentCommand::CancelShipment,
        };
        self.decide(command, Timestamp::UNIX_EPOCH).map(drop)
    }
}

// Projection.

/// A shipment as readers see it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct ShipmentRow {
    pub status: Shipment,
    pub carrier: Option<String>,
}

/// Each shipment.
#[derive(Debug)]
pub struct Shipments;

impl SingleStreamProjection for Shipments {
    type Event = ShipmentEvent;
    type Row = ShipmentRow;
    const NAME: &'static str = "shipments";

    fn apply(row: &mut ShipmentRow, event: &Envelope<ShipmentEvent>) -> Result<(), Rejection> {
        match &event.data {
            ShipmentEvent::ShipmentDispatched { carrier } => row.carrier = Some(carrier.clone()),
            ShipmentEvent::ShipmentPrepared
            | ShipmentEvent::ShipmentDelivered
            | ShipmentEvent::ShipmentCancelled => {}
        }
        row.status.apply(&event.data);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
