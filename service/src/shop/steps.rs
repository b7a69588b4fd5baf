//! What became of an order, its payment and its shipment, in one row.

use super::{
    order::{OrderEvent, id_of},
    payment::PaymentEvent,
    shipment::ShipmentEvent,
};
use rewind::{Envelope, MultiStreamProjection, Rejection};
use std::collections::BTreeMap;

rewind::events! {
    /// What happens to all that an order leads to.
    pub enum StepEvent {
        /// Of an order.
        Order(OrderEvent),
        /// Of its payment.
        Payment(PaymentEvent),
        /// Of its shipment.
        Shipment(ShipmentEvent),
    }
}

/// When each thing happened to an order: a type of event, and its time. Streams
/// may come in any order, and a step may be taken back by itself.
#[derive(Debug)]
pub struct OrderSteps;

impl MultiStreamProjection for OrderSteps {
    type Event = StepEvent;
    type Row = BTreeMap<String, String>;
    const NAME: &'static str = "order-steps";

    fn keys(event: &Envelope<StepEvent>) -> Result<Vec<String>, Rejection> {
        Ok(vec![id_of(event.stream())])
    }

    fn apply(
        _: &str,
        steps: &mut BTreeMap<String, String>,
        event: &Envelope<StepEvent>,
    ) -> Result<(), Rejection> {
        steps.insert(event.event_type().into(), event.time().into());
        Ok(())
    }

    fn revert(
        _: &str,
        steps: &mut BTreeMap<String, String>,
        event: &Envelope<StepEvent>,
    ) -> Result<(), Rejection> {
        steps.remove(event.event_type());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::history;

    #[test]
    fn a_row_tells_when_each_thing_happened() {
        let opened = OrderEvent::OrderOpened {
            user_id: None,
            email: None,
            lines: vec![],
            origin: None,
        };
        let paid = history::<StepEvent>()
            .and_at("2026-01-01T09:00:00Z", "7", [opened])
            .and_at(
                "2026-01-01T09:00:01Z",
                "7",
                [PaymentEvent::PaymentRequested { cents: None }],
            )
            .and_at(
                "2026-01-02T09:00:00Z",
                "7",
                [PaymentEvent::PaymentConfirmed],
            )
            .and_at("2026-01-02T09:00:01Z", "7", [OrderEvent::OrderPaid])
            .and_at(
                "2026-01-02T09:00:02Z",
                "7",
                [ShipmentEvent::ShipmentPrepared],
            );
        let row = |steps: &[(&str, &str)]| -> BTreeMap<String, String> {
            let steps = steps.iter();
            steps
                .map(|(what, when)| ((*what).into(), (*when).into()))
                .collect()
        };
        let mut expected = row(&[
            ("order-opened", "2026-01-01T09:00:00Z"),
            ("payment-requested", "2026-01-01T09:00:01Z"),
            ("payment-confirmed", "2026-01-02T09:00:00Z"),
            ("order-paid", "2026-01-02T09:00:01Z"),
            ("shipment-prepared", "2026-01-02T09:00:02Z"),
        ]);
        paid.then_rows::<OrderSteps>(&[("7", expected.clone())]);
        expected.remove("order-paid");
        let reversed = paid.reversed("order-7", 2);
        reversed.then_rows::<OrderSteps>(&[("7", expected)]);
    }
}
