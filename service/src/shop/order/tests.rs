use super::*;
use rewind::testing::{Given, given};

fn line(product_id: &str, quantity: u32, cents: u32) -> Line {
    Line {
        product_id: product_id.into(),
        quantity,
        cents,
    }
}

fn lines() -> Vec<Line> {
    vec![line("tea", 2, 350), line("cup", 1, 1200)]
}

fn opened() -> OrderEvent {
    OrderEvent::OrderOpened {
        user_id: Some("ann".into()),
        email: None,
        lines: lines(),
        origin: None,
    }
}

fn open_with(lines: Vec<Line>) -> OrderCommand {
    OrderCommand::OpenOrder {
        user_id: Some("ann".into()),
        email: None,
        lines,
        origin: None,
    }
}

fn cancelled(reason: CancelReason) -> OrderEvent {
    OrderEvent::OrderCancelled { reason }
}

fn cancel(reason: CancelReason) -> OrderCommand {
    OrderCommand::CancelOrder { reason }
}

/// An order that is as far as each status, in the order of the enum.
fn orders() -> [Given<OrderEvent>; 6] {
    use OrderEvent::{OrderDelivered, OrderDispatched, OrderPaid};
    let requested = cancelled(CancelReason::Requested);
    [
        given([]),
        given([opened()]),
        given([opened(), OrderPaid]),
        given([opened(), OrderPaid, OrderDispatched]),
        given([opened(), OrderPaid, OrderDispatched, OrderDelivered]),
        given([opened(), requested]),
    ]
}

/// Checks what a command comes to in each status.
#[track_caller]
fn decided(command: impl Fn() -> OrderCommand, expected: [Result<OrderEvent, OrderRejection>; 6]) {
    for (order, expected) in orders().iter().zip(expected) {
        let asked = order.when(command());
        match expected {
            Ok(event) => asked.then([event]),
            Err(rejection) => asked.then_rejected(rejection),
        }
    }
}

use OrderRejection::{
    AlreadyDelivered, AlreadyDispatched, AlreadyOpened, AlreadyPaid, Cancelled, NotOpened, NotPaid,
};

#[test]
fn an_order_is_opened_once() {
    let again = || Err(AlreadyOpened);
    let expected = [Ok(opened()), again(), again(), again(), again(), again()];
    decided(|| open_with(lines()), expected);
}

#[test]
fn a_line_without_pieces_is_rejected() {
    let asked = given([]).when(open_with(vec![line("tea", 1, 350), line("cup", 0, 1200)]));
    let product_id = "cup".to_string();
    asked.then_rejected(OrderRejection::NoPieces { product_id });
}

#[test]
fn only_an_open_order_is_paid() {
    decided(
        || OrderCommand::MarkOrderPaid,
        [
            Err(NotOpened),
            Ok(OrderEvent::OrderPaid),
            Err(AlreadyPaid),
            Err(AlreadyDispatched),
            Err(AlreadyDelivered),
            Err(Cancelled),
        ],
    );
}

#[test]
fn only_a_paid_order_is_dispatched() {
    decided(
        || OrderCommand::MarkOrderDispatched,
        [
            Err(NotOpened),
            Err(NotPaid),
            Ok(OrderEvent::OrderDispatched),
            Err(AlreadyDispatched),
            Err(AlreadyDelivered),
            Err(Cancelled),
        ],
    );
}

#[test]
fn an_order_is_delivered_also_where_that_is_known_before_it_is_dispatched() {
    decided(
        || OrderCommand::MarkOrderDelivered,
        [
            Err(NotOpened),
            Err(NotPaid),
            Ok(OrderEvent::OrderDelivered),
            Ok(OrderEvent::OrderDelivered),
            Err(AlreadyDelivered),
            Err(Cancelled),
        ],
    );
}

#[test]
fn an_order_is_cancelled_before_it_is_on_its_way() {
    let reason = CancelReason::Requested;
    decided(
        || cancel(reason),
        [
            Err(NotOpened),
            Ok(cancelled(reason)),
            Ok(cancelled(reason)),
            Err(AlreadyDispatched),
            Err(AlreadyDelivered),
            Err(Cancelled),
        ],
    );
}

#[test]
fn a_paid_order_is_not_cancelled_because_of_its_payment() {
    for reason in [CancelReason::PaymentFailed, CancelReason::PaymentOverdue] {
        decided(
            || cancel(reason),
            [
                Err(NotOpened),
                Ok(cancelled(reason)),
                Err(AlreadyPaid),
                Err(AlreadyDispatched),
                Err(AlreadyDelivered),
                Err(Cancelled),
            ],
        );
    }
}

#[test]
fn an_order_that_was_opened_twice_as_a_fact_goes_on() {
    let twice = given([opened(), OrderEvent::OrderPaid, opened()]);
    let asked = twice.when(OrderCommand::MarkOrderDispatched);
    asked.then([OrderEvent::OrderDispatched]);
}

#[test]
fn an_order_as_it_was_recorded_before_it_had_lines_is_read() {
    let data = serde_json::json!({"user_id": "ann"});
    let old = given([]).stored("order-1", "order-opened", 1, data);
    old.when(OrderCommand::MarkOrderPaid)
        .then([OrderEvent::OrderPaid]);
    old.then_row::<Orders>(OrderRow {
        status: Order::Opened,
        user_id: Some("ann".into()),
        ..OrderRow::default()
    });
}

#[test]
fn the_row_tells_the_sum_of_the_lines_and_how_far_the_order_is() {
    let row = |status| OrderRow {
        status,
        user_id: Some("ann".into()),
        lines: lines(),
        cents: Some(1900),
        cancelled_because: None,
    };
    let paid = given([opened(), OrderEvent::OrderPaid]);
    paid.then_row::<Orders>(row(Order::Paid));
    let reason = CancelReason::PaymentOverdue;
    given([opened(), cancelled(reason)]).then_row::<Orders>(OrderRow {
        cancelled_because: Some(reason),
        ..row(Order::Cancelled)
    });
    let reversed = paid.reversed("order-1", 2);
    reversed.then_row::<Orders>(row(Order::Opened));
}

#[test]
fn what_depends_on_a_payment_is_named_before_that_is_reversed() {
    let service = rewind::Service::new().aggregate::<Order>();
    let dispatched = [opened(), OrderEvent::OrderPaid, OrderEvent::OrderDispatched];
    let history = given(dispatched);
    let events: Vec<_> = history.events().iter().collect();
    assert_eq!(service.first_rejected("order", &events), None);
    let without = [events[0], events[2]];
    let (version, why) = service.first_rejected("order", &without).unwrap();
    assert_eq!((version, &*why.reason), (3, "the order is not paid"));
}
