use super::*;
use rewind::testing::{Given, given};

fn dispatched() -> ShipmentEvent {
    let carrier = "snail".into();
    ShipmentEvent::ShipmentDispatched { carrier }
}

/// A shipment that is as far as each status, in the order of the enum.
fn shipments() -> [Given<ShipmentEvent>; 5] {
    use ShipmentEvent::{ShipmentCancelled, ShipmentDelivered, ShipmentPrepared};
    [
        given([]),
        given([ShipmentPrepared]),
        given([ShipmentPrepared, dispatched()]),
        given([ShipmentPrepared, dispatched(), ShipmentDelivered]),
        given([ShipmentPrepared, ShipmentCancelled]),
    ]
}

#[track_caller]
fn decided(
    command: impl Fn() -> ShipmentCommand,
    expected: [Result<ShipmentEvent, ShipmentRejection>; 5],
) {
    for (shipment, expected) in shipments().iter().zip(expected) {
        let asked = shipment.when(command());
        match expected {
            Ok(event) => asked.then([event]),
            Err(rejection) => asked.then_rejected(rejection),
        }
    }
}

use ShipmentRejection::{
    AlreadyDelivered, AlreadyDispatched, AlreadyPrepared, Cancelled, NotDispatched, NotPrepared,
};

#[test]
fn a_shipment_is_prepared_once() {
    decided(
        || ShipmentCommand::PrepareShipment,
        [
            Ok(ShipmentEvent::ShipmentPrepared),
            Err(AlreadyPrepared),
            Err(AlreadyPrepared),
            Err(AlreadyPrepared),
            Err(Cancelled),
        ],
    );
}

#[test]
fn only_a_prepared_shipment_is_dispatched() {
    let carrier = || "snail".to_string();
    decided(
        || ShipmentCommand::DispatchShipment { carrier: carrier() },
        [
            Err(NotPrepared),
            Ok(dispatched()),
            Err(AlreadyDispatched),
            Err(AlreadyDelivered),
            Err(Cancelled),
        ],
    );
}

#[test]
fn only_a_shipment_on_its_way_is_delivered() {
    decided(
        || ShipmentCommand::DeliverShipment,
        [
            Err(NotPrepared),
            Err(NotDispatched),
            Ok(ShipmentEvent::ShipmentDelivered),
            Err(AlreadyDelivered),
            Err(Cancelled),
        ],
    );
}

#[test]
fn a_shipment_is_cancelled_before_it_is_on_its_way_also_before_it_is_prepared() {
    decided(
        || ShipmentCommand::CancelShipment,
        [
            Ok(ShipmentEvent::ShipmentCancelled),
            Ok(ShipmentEvent::ShipmentCancelled),
            Err(AlreadyDispatched),
            Err(AlreadyDelivered),
            Err(Cancelled),
        ],
    );
    let overtaken = given([ShipmentEvent::ShipmentCancelled]);
    let asked = overtaken.when(ShipmentCommand::PrepareShipment);
    asked.then_rejected(Cancelled);
}

#[test]
fn the_row_tells_how_far_the_shipment_is_and_who_carries_it() {
    let row = |status, carrier: Option<&str>| ShipmentRow {
        status,
        carrier: carrier.map(Into::into),
    };
    let [_, prepared, on_its_way, delivered, cancelled] = shipments();
    prepared.then_row::<Shipments>(row(Shipment::Prepared, None));
    on_its_way.then_row::<Shipments>(row(Shipment::Dispatched, Some("snail")));
    delivered.then_row::<Shipments>(row(Shipment::Delivered, Some("snail")));
    cancelled.then_row::<Shipments>(row(Shipment::Cancelled, None));
}
