//! The shop as a whole: an order, its payment and its shipment, which never call
//! each other.

use rewind::{
    Answer, Mail, Request,
    testing::{System, system},
};
use serde_json::{Value, json};
use service::{
    mails::Mails,
    shop::{
        checkout::Checkout,
        order::{CancelReason, Order, OrderCommand, OrderEvent, OrderRow, Orders},
        payment::{Payment, PaymentCommand, PaymentEvent, PaymentRejection, PaymentRow, Payments},
        provider::Provider,
        shipment::{Shipment, ShipmentCommand, ShipmentEvent, ShipmentRow, Shipments},
        steps::OrderSteps,
    },
};

fn raw() -> Value {
    json!({
        "applies": "2026", "source": "till", "profile": "retail", "order_id": "7",
        "lines": [{"product_id": "tea", "quantity": 2, "cents": 350}],
    })
}

/// The order 7, over seven euros, on New Year's Day.
fn ordered() -> System {
    let mut system = system(service::service());
    system.at("2026-01-01T09:00:00Z").input("orders", &raw());
    system
        .then_row::<Payments>("7", payment(Payment::Requested))
        .then_deadlines::<Checkout>("7", &[("payment", "2026-01-04T09:00:00Z")]);
    system
}

fn payment(status: Payment) -> PaymentRow {
    PaymentRow {
        status,
        cents: Some(700),
        failed_because: None,
    }
}

fn order(status: Order, cancelled_because: Option<CancelReason>) -> OrderRow {
    OrderRow {
        status,
        user_id: None,
        lines: serde_json::from_value(raw()["lines"].clone()).unwrap(),
        cents: Some(700),
        cancelled_because,
    }
}

fn carrier() -> String {
    "post".into()
}

#[test]
fn an_order_that_is_paid_is_shipped_and_arrives() {
    let mut system = ordered();
    system.at("2026-01-02T09:00:00Z");
    let paid = system.when("7", PaymentCommand::ConfirmPayment);
    paid.then([PaymentEvent::PaymentConfirmed]);
    system
        .then_deadlines::<Checkout>("7", &[])
        .then_events("7", [ShipmentEvent::ShipmentPrepared])
        .at("2026-01-03T09:00:00Z");
    let carrier = carrier();
    let dispatch = ShipmentCommand::DispatchShipment { carrier };
    system.when("7", dispatch).then_accepted();
    system.at("2026-01-05T09:00:00Z");
    let arrived = system.when("7", ShipmentCommand::DeliverShipment);
    arrived.then_accepted();
    let steps = [
        ("order-opened", "01"),
        ("payment-requested", "01"),
        ("payment-confirmed", "02"),
        ("order-paid", "02"),
        ("shipment-prepared", "02"),
        ("shipment-dispatched", "03"),
        ("order-dispatched", "03"),
        ("shipment-delivered", "05"),
        ("order-delivered", "05"),
    ];
    let steps = steps.map(|(step, day)| (step.into(), format!("2026-01-{day}T09:00:00Z")));
    system
        .then_row::<Orders>("7", order(Order::Delivered, None))
        .then_rows::<OrderSteps>(&[("7", steps.into())])
        .then_refused(&[])
        .rebuild();
}

#[test]
fn an_order_that_is_not_paid_in_time_is_cancelled_and_late_money_goes_back() {
    let mut system = ordered();
    system
        .at("2026-01-04T08:59:59Z")
        .then_row::<Orders>("7", order(Order::Opened, None))
        .at("2026-01-04T09:00:00Z")
        .then_row::<Orders>(
            "7",
            order(Order::Cancelled, Some(CancelReason::PaymentOverdue)),
        );
    let paid = system.when("7", PaymentCommand::ConfirmPayment);
    paid.then([PaymentEvent::PaymentConfirmed]);
    system
        .then_row::<Payments>("7", payment(Payment::Refunded))
        .then_events::<ShipmentEvent>("7", [])
        .rebuild();
    let again = system.when("7", PaymentCommand::RefundPayment);
    again.then_rejected(PaymentRejection::AlreadyRefunded);
}

#[test]
fn an_order_that_is_cancelled_before_its_parcel_leaves_stays_in_the_warehouse() {
    let mut system = ordered();
    let paid = system.when("7", PaymentCommand::ConfirmPayment);
    paid.then_accepted();
    let reason = CancelReason::Requested;
    let cancelled = system.when("7", OrderCommand::CancelOrder { reason });
    cancelled.then([OrderEvent::OrderCancelled { reason }]);
    let status = Shipment::Cancelled;
    let carrier = None;
    system
        .then_row::<Shipments>("7", ShipmentRow { status, carrier })
        .then_row::<Payments>("7", payment(Payment::Refunded))
        .then_deadlines::<Checkout>("7", &[])
        .rebuild();
}

#[test]
fn a_raw_order_that_lacks_something_stalls_alone_and_the_whole_one_passes_it() {
    let mut system = system(service::service());
    let mut incomplete = raw();
    incomplete.as_object_mut().unwrap().remove("source");
    system
        .input("orders", &incomplete)
        .then_stalled(
            "adapter/orders",
            "input:orders-7.incomplete",
            "input: missing field `source`",
        )
        .then_events::<OrderEvent>("7", [])
        .input("orders", &raw())
        .then_row::<Orders>("7", order(Order::Opened, None))
        .rebuild();
}

#[test]
fn a_cart_that_is_ordered_is_paid_elsewhere() {
    let mut system = system(service::service());
    let placed = json!({
        "type": "order-placed", "timestamp": "2026-01-01T08:00:00Z", "order_id": "8", "user_id": "ann",
    });
    let opened = OrderEvent::OrderOpened {
        user_id: Some("ann".into()),
        email: None,
        lines: vec![],
        origin: None,
    };
    system
        .at("2026-01-01T09:00:00Z")
        .input("shop", &placed)
        .then_events("8", [opened])
        .then_events::<PaymentEvent>("8", [])
        .at("2036-01-01T09:00:00Z");
    system
        .when("8", OrderCommand::MarkOrderPaid)
        .then_accepted();
    system
        .then_events("8", [ShipmentEvent::ShipmentPrepared])
        .rebuild();
    // The order has the time that the shop said.
    let time = &system.recorded("order-8")[0].event.time;
    assert_eq!(time, "2026-01-01T08:00:00Z");
}

#[test]
fn the_provider_is_asked_and_mails_go_out() {
    let mut system = system(service::service());
    let post = |path, body: Value| Request::post(path, &body).unwrap();
    let money = json!({"order": "7", "cents": 700});
    let mail = |text: &str| {
        let mail = Mail {
            to: vec!["ann@example.org".into()],
            subject: "Your order 7".into(),
            text: text.into(),
        };
        Request::from(mail)
    };
    let created = |_: &Request| Answer {
        status: 201,
        body: json!({}),
    };
    let mut raw = raw();
    raw["email"] = json!("ann@example.org");
    system
        .outside::<Provider>(created)
        .outside::<Mails>(created);
    system.input("orders", &raw);
    // The money is there: nobody had to confirm it by hand.
    system
        .then_row::<Payments>("7", payment(Payment::Confirmed))
        .then_sent::<Provider>([post("/authorisations", money.clone())])
        .then_sent::<Mails>([
            mail("Thank you: we have your order."),
            mail("Your payment has arrived."),
        ]);
    let carrier = carrier();
    let dispatch = ShipmentCommand::DispatchShipment { carrier };
    system.when("7", dispatch).then_accepted();
    system
        .then_sent::<Provider>([post("/captures", money)])
        .then_sent::<Mails>([mail("Your order is on its way.")])
        .rebuild()
        .then_sent::<Provider>([])
        .then_sent::<Mails>([]);
}

#[test]
fn a_card_that_is_refused_cancels_the_order() {
    let mut system = system(service::service());
    system.outside::<Provider>(|_| Answer {
        status: 402,
        body: json!({"reason": "no such card"}),
    });
    system.input("orders", &raw());
    let reason = Some(CancelReason::PaymentFailed);
    system.then_row::<Orders>("7", order(Order::Cancelled, reason));
}
