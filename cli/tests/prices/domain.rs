//! The shop of docs/outside.md, as it was deployed first and second.

use rewind::{Answer, Done, Emit, Envelope, Event, Gateway, Rejection, Request, Rule, Service};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Serialize, Deserialize, JsonSchema)]
enum OrderEvent {
    OrderPlaced { pieces: u64, cents: u64 },
}

impl Event for OrderEvent {
    const CATEGORY: &'static str = "order";
}

#[derive(Serialize, Deserialize, JsonSchema)]
enum InvoiceEvent {
    InvoicePaid { cents: u64 },
    InvoiceRefused { status: u16 },
}

impl Event for InvoiceEvent {
    const CATEGORY: &'static str = "invoice";
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Charge {
    order: String,
    cents: u64,
}

struct Payments;
impl Gateway for Payments {
    type Action = Charge;
    const NAME: &'static str = "payments";

    fn key(charge: &Charge) -> String {
        charge.order.clone()
    }

    fn request(charge: &Charge) -> Result<Request, Rejection> {
        Request::post("/charges", charge)
    }

    fn answered(charge: &Charge, answer: &Answer) -> Result<Vec<Emit>, Rejection> {
        let (cents, status) = (charge.cents, answer.status);
        let event = match answer.is_ok() {
            true => InvoiceEvent::InvoicePaid { cents },
            false => InvoiceEvent::InvoiceRefused { status },
        };
        Ok(vec![Emit::event(&charge.order, &event)?])
    }

    fn correct(old: &Done<Charge>, new: &Charge) -> Result<Vec<Request>, Rejection> {
        let change = new.cents as i64 - old.action.cents as i64;
        let body = json!({"order": new.order, "cents": change});
        Ok(vec![Request::post("/adjustments", &body)?])
    }

    fn undo(old: &Done<Charge>) -> Result<Vec<Request>, Rejection> {
        let back = -(old.action.cents as i64);
        let body = json!({"order": old.action.order, "cents": back});
        Ok(vec![Request::post("/adjustments", &body)?])
    }
}

fn charge(event: &Envelope<OrderEvent>, cents: u64) -> Result<Vec<Emit>, Rejection> {
    let order = event.stream().id().into();
    Ok(vec![Emit::call::<Payments>(&Charge { order, cents })?])
}

/// Each piece costs the same.
struct Full;
impl Rule for Full {
    type Event = OrderEvent;
    type Emits = Emit;
    const NAME: &'static str = "charges";

    fn react(event: &Envelope<OrderEvent>) -> Result<Vec<Emit>, Rejection> {
        let OrderEvent::OrderPlaced { pieces, cents } = &event.data;
        charge(event, pieces * cents)
    }
}

/// Ten pieces cost as much as nine.
struct Tenth;
impl Rule for Tenth {
    type Event = OrderEvent;
    type Emits = Emit;
    const NAME: &'static str = "charges";

    fn react(event: &Envelope<OrderEvent>) -> Result<Vec<Emit>, Rejection> {
        let OrderEvent::OrderPlaced { pieces, cents } = &event.data;
        charge(event, (pieces - pieces / 10) * cents)
    }
}

/// The service as it was deployed for the n-th time.
pub fn deployed(nth: usize) -> Service {
    let service = Service::new()
        .events::<InvoiceEvent>()
        .gateway::<Payments>();
    match nth {
        1 => service.rule::<Full>(),
        _ => service.rule::<Tenth>(),
    }
}
