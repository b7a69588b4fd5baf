use super::*;
use rewind::testing::{Given, given};

fn requested() -> PaymentEvent {
    let cents = Some(1900);
    PaymentEvent::PaymentRequested { cents }
}

fn failed() -> PaymentEvent {
    let reason = "no such card".into();
    PaymentEvent::PaymentFailed { reason }
}

/// A payment that is as far as each status, in the order of the enum.
fn payments() -> [Given<PaymentEvent>; 5] {
    use PaymentEvent::{PaymentConfirmed, PaymentRefunded};
    [
        given([]),
        given([requested()]),
        given([requested(), PaymentConfirmed]),
        given([requested(), failed()]),
        given([requested(), PaymentConfirmed, PaymentRefunded]),
    ]
}

#[track_caller]
fn decided(
    command: impl Fn() -> PaymentCommand,
    expected: [Result<PaymentEvent, PaymentRejection>; 5],
) {
    for (payment, expected) in payments().iter().zip(expected) {
        let asked = payment.when(command());
        match expected {
            Ok(event) => asked.then([event]),
            Err(rejection) => asked.then_rejected(rejection),
        }
    }
}

use PaymentRejection::{
    AlreadyConfirmed, AlreadyRefunded, AlreadyRequested, Failed, NotConfirmed, NotRequested,
};

#[test]
fn a_payment_is_requested_once() {
    let again = || Err(AlreadyRequested);
    let cents = Some(1900);
    decided(
        || PaymentCommand::RequestPayment { cents },
        [Ok(requested()), again(), again(), again(), again()],
    );
}

#[test]
fn only_a_requested_payment_is_confirmed() {
    decided(
        || PaymentCommand::ConfirmPayment,
        [
            Err(NotRequested),
            Ok(PaymentEvent::PaymentConfirmed),
            Err(AlreadyConfirmed),
            Err(Failed),
            Err(AlreadyRefunded),
        ],
    );
}

#[test]
fn only_a_requested_payment_fails() {
    let reason = || "no such card".to_string();
    decided(
        || PaymentCommand::FailPayment { reason: reason() },
        [
            Err(NotRequested),
            Ok(failed()),
            Err(AlreadyConfirmed),
            Err(Failed),
            Err(AlreadyRefunded),
        ],
    );
}

#[test]
fn only_a_confirmed_payment_is_refunded() {
    decided(
        || PaymentCommand::RefundPayment,
        [
            Err(NotRequested),
            Err(NotConfirmed),
            Ok(PaymentEvent::PaymentRefunded),
            Err(Failed),
            Err(AlreadyRefunded),
        ],
    );
}

#[test]
fn the_row_tells_how_far_the_payment_is_and_why_it_failed() {
    let row = |status, failed_because: Option<&str>| PaymentRow {
        status,
        cents: Some(1900),
        failed_because: failed_because.map(Into::into),
    };
    let [_, requested, confirmed, failed, refunded] = payments();
    requested.then_row::<Payments>(row(Payment::Requested, None));
    confirmed.then_row::<Payments>(row(Payment::Confirmed, None));
    failed.then_row::<Payments>(row(Payment::Failed, Some("no such card")));
    refunded.then_row::<Payments>(row(Payment::Refunded, None));
    let reversed = refunded.reversed("payment-1", 3);
    reversed.then_row::<Payments>(row(Payment::Confirmed, None));
}
