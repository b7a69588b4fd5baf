use super::*;
use crate::shop::order::Line;
use rewind::testing::{Given, Running, history};

const LATE: &str = "2026-01-04T09:00:00Z";

fn opened(lines: Vec<Line>) -> Given<CheckoutEvent> {
    let opened = OrderEvent::OrderOpened {
        user_id: Some("ann".into()),
        email: None,
        lines,
        origin: None,
    };
    history().and_at("2026-01-01T09:00:00Z", "7", [opened])
}

fn lines() -> Vec<Line> {
    vec![Line {
        product_id: "tea".into(),
        quantity: 2,
        cents: 350,
    }]
}

fn requested() -> Given<CheckoutEvent> {
    let requested = PaymentEvent::PaymentRequested { cents: Some(700) };
    opened(lines()).and_at("2026-01-01T09:00:01Z", "7", [requested])
}

fn confirmed(history: Given<CheckoutEvent>) -> Given<CheckoutEvent> {
    let confirmed = PaymentEvent::PaymentConfirmed;
    history.and_at("2026-01-02T09:00:00Z", "7", [confirmed])
}

fn cancelled(history: Given<CheckoutEvent>, reason: CancelReason) -> Given<CheckoutEvent> {
    let cancelled = OrderEvent::OrderCancelled { reason };
    history.and_at("2026-01-02T10:00:00Z", "7", [cancelled])
}

fn run(history: &Given<CheckoutEvent>) -> Running<Checkout> {
    history.process::<Checkout>()
}

fn request(cents: Option<u64>) -> Action {
    Action::command("7", &PaymentCommand::RequestPayment { cents }).unwrap()
}

fn late() -> Action {
    Action::deadline("payment", LATE.parse().unwrap())
}

fn paid() -> Action {
    Action::command("7", &OrderCommand::MarkOrderPaid).unwrap()
}

fn refund() -> Action {
    Action::command("7", &PaymentCommand::RefundPayment).unwrap()
}

fn not_late() -> Action {
    Action::cancel("payment")
}

#[test]
fn an_open_order_has_to_be_paid_within_three_days() {
    run(&opened(lines())).then([request(Some(700)), late()]);
}

#[test]
fn a_payment_that_is_requested_is_authorised() {
    let authorise = PaymentAction::Authorise {
        order: "7".into(),
        cents: 700,
    };
    run(&requested()).then([Action::call::<Provider>(&authorise).unwrap()]);
}

#[test]
fn an_order_that_does_not_tell_its_price_is_paid_elsewhere() {
    for event in opened(vec![]).events() {
        assert_eq!(Checkout::key(&rewind::testing::envelope(event)), None);
    }
}

#[test]
fn an_order_that_is_not_paid_in_time_is_cancelled_once() {
    run(&requested())
        .at("2026-01-04T08:59:59Z")
        .then([])
        .at(LATE)
        .then([cancel("7", CancelReason::PaymentOverdue).unwrap()])
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn an_order_whose_payment_is_confirmed_is_paid() {
    run(&confirmed(requested()))
        .then([not_late(), paid()])
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn an_order_whose_payment_fails_is_cancelled() {
    let reason = "no such card".into();
    let failed = PaymentEvent::PaymentFailed { reason };
    let failed = requested().and_at("2026-01-02T09:00:00Z", "7", [failed]);
    run(&failed)
        .then([
            not_late(),
            cancel("7", CancelReason::PaymentFailed).unwrap(),
        ])
        .at("2036-01-01T00:00:00Z")
        .then([]);
}

#[test]
fn a_cancelled_order_need_not_be_paid() {
    run(&cancelled(requested(), CancelReason::Requested))
        .then([not_late()])
        .then_no_deadline("payment");
}

#[test]
fn the_money_of_a_cancelled_order_goes_back_once() {
    let history = cancelled(confirmed(requested()), CancelReason::Requested);
    run(&history).then([refund()]).then_state(Known {
        cents: Some(700),
        is_confirmed: false,
        is_cancelled: true,
    });
}

#[test]
fn the_money_is_taken_when_the_parcel_leaves() {
    let capture = PaymentAction::Capture {
        order: "7".into(),
        cents: 700,
    };
    let gone = OrderEvent::OrderDispatched;
    let history = confirmed(requested()).and_at("2026-01-03T09:00:00Z", "7", [gone]);
    run(&history).then([Action::call::<Provider>(&capture).unwrap()]);
}

#[test]
fn what_was_refunded_is_asked_back_from_the_provider() {
    let refund = PaymentAction::Refund { order: "7".into() };
    let back = PaymentEvent::PaymentRefunded;
    let history = confirmed(requested()).and_at("2026-01-03T09:00:00Z", "7", [back]);
    run(&history).then([Action::call::<Provider>(&refund).unwrap()]);
}

#[test]
fn money_that_comes_after_the_order_is_cancelled_goes_back() {
    let history = cancelled(requested(), CancelReason::PaymentOverdue);
    let late = PaymentEvent::PaymentConfirmed;
    let history = history.and_at("2026-01-05T09:00:00Z", "7", [late]);
    run(&history).then([refund()]);
}

#[test]
fn other_steps_of_an_order_do_not_concern_the_checkout() {
    let history = requested().and("7", [OrderEvent::OrderPaid]);
    for event in &history.events()[2..] {
        assert_eq!(Checkout::key(&rewind::testing::envelope(event)), None);
    }
}
