use super::*;
use crate::shop::order::CancelReason;
use rewind::testing::{Given, Running, history};

fn paid() -> Given<FulfilmentEvent> {
    history().and("7", [OrderEvent::OrderPaid])
}

fn cancelled() -> OrderEvent {
    let reason = CancelReason::Requested;
    OrderEvent::OrderCancelled { reason }
}

fn run(history: &Given<FulfilmentEvent>) -> Running<Fulfilment> {
    history.process::<Fulfilment>()
}

fn shipment(command: &ShipmentCommand) -> Action {
    Action::command("7", command).unwrap()
}

fn order(command: &OrderCommand) -> Action {
    Action::command("7", command).unwrap()
}

#[test]
fn a_paid_order_is_shipped() {
    run(&paid()).then([shipment(&ShipmentCommand::PrepareShipment)]);
}

#[test]
fn the_order_is_told_where_its_shipment_is() {
    let carrier = "snail".into();
    let dispatched = paid().and("7", [ShipmentEvent::ShipmentDispatched { carrier }]);
    run(&dispatched).then([order(&OrderCommand::MarkOrderDispatched)]);
    let delivered = dispatched.and("7", [ShipmentEvent::ShipmentDelivered]);
    run(&delivered).then([order(&OrderCommand::MarkOrderDelivered)]);
}

#[test]
fn the_shipment_of_a_cancelled_order_is_cancelled() {
    let stopped = paid().and("7", [cancelled()]);
    run(&stopped).then([shipment(&ShipmentCommand::CancelShipment)]);
}

#[test]
fn an_order_that_was_never_paid_has_no_shipment_to_cancel() {
    let stopped = history().and("7", [cancelled()]);
    run(&stopped).then([]);
}

#[test]
fn other_steps_of_a_shipment_do_not_concern_the_fulfilment() {
    let history = history::<FulfilmentEvent>()
        .and("7", [ShipmentEvent::ShipmentPrepared])
        .and("7", [ShipmentEvent::ShipmentCancelled])
        .and("7", [OrderEvent::OrderDelivered]);
    for event in history.events() {
        assert_eq!(Fulfilment::key(&rewind::testing::envelope(event)), None);
    }
}
