//! Orders that are paid through a gateway, and scored through a query.

use rewind::{
    Answer, Done, Emit, Envelope, Event, Gateway, Kind, Rejection, Request, Rule, Service,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{cell::Cell, thread_local};

thread_local! {
    /// What the fixed code takes off the price of tea. Each test has a thread.
    pub static DISCOUNT: Cell<u64> = const { Cell::new(0) };
    /// Whether the rule asks for the money twice.
    pub static TWICE: Cell<bool> = const { Cell::new(false) };
    /// Whether corrections go to another path.
    pub static ELSEWHERE: Cell<bool> = const { Cell::new(false) };
    /// Whether what was charged stays charged.
    pub static FOR_EVER: Cell<bool> = const { Cell::new(false) };
    /// Whether the rule asks for no money at all.
    pub static NEVER: Cell<bool> = const { Cell::new(false) };
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum OrderEvent {
    Placed { product: String, cents: u64 },
    Looked {},
}

impl Event for OrderEvent {
    const CATEGORY: &'static str = "order";
}

/// What became of an order's payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum MoneyEvent {
    Paid { cents: u64 },
    Refused { status: u16 },
    Unreachable { reason: String },
    Scored { score: u64 },
}

impl Event for MoneyEvent {
    const CATEGORY: &'static str = "money";
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    pub order: String,
    pub cents: u64,
    /// A header that no domain may set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
}

pub struct Payments;

impl Gateway for Payments {
    type Action = Charge;
    const NAME: &'static str = "payments";

    fn key(charge: &Charge) -> String {
        charge.order.clone()
    }

    fn request(charge: &Charge) -> Result<Request, Rejection> {
        let request = Request::post(
            "/charges",
            &json!({"order": charge.order, "cents": charge.cents, "pin": "1234"}),
        )?;
        let Request::Http(request) = request else {
            return Err(Rejection::new("no HTTP"));
        };
        let request = request.secret("/pin");
        Ok(match &charge.header {
            Some(name) => request.header(name, "x").into(),
            None => request.into(),
        })
    }

    fn answered(charge: &Charge, answer: &Answer) -> Result<Vec<Emit>, Rejection> {
        let event = match answer.status {
            201 => MoneyEvent::Paid {
                cents: charge.cents,
            },
            status => MoneyEvent::Refused { status },
        };
        Ok(vec![Emit::event(&charge.order, &event)?])
    }

    fn failed(charge: &Charge, reason: &str) -> Result<Vec<Emit>, Rejection> {
        let reason = reason.into();
        let event = MoneyEvent::Unreachable { reason };
        Ok(vec![Emit::event(&charge.order, &event)?])
    }

    fn correct(old: &Done<Charge>, new: &Charge) -> Result<Vec<Request>, Rejection> {
        let (old, order) = (old.action.cents as i64, &new.order);
        let body = json!({"order": order, "cents": new.cents as i64 - old});
        let path = match ELSEWHERE.get() {
            true => "/corrections",
            false => "/adjustments",
        };
        Ok(vec![Request::post(path, &body)?])
    }

    fn undo(old: &Done<Charge>) -> Result<Vec<Request>, Rejection> {
        if FOR_EVER.get() {
            return Err(Rejection::new("no money back"));
        }
        let Charge { order, cents, .. } = &old.action;
        let body = json!({"order": order, "cents": -(*cents as i64)});
        Ok(vec![Request::post("/adjustments", &body)?])
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Score {
    pub order: String,
}

/// A credit agency, which is only asked.
pub struct Agency;

impl Gateway for Agency {
    type Action = Score;
    const NAME: &'static str = "agency";
    const KIND: Kind = Kind::Query;

    fn key(score: &Score) -> String {
        score.order.clone()
    }

    fn request(score: &Score) -> Result<Request, Rejection> {
        Ok(Request::get(format!("/scores/{}", score.order)))
    }

    fn answered(score: &Score, answer: &Answer) -> Result<Vec<Emit>, Rejection> {
        let points = answer.body["score"].as_u64().unwrap_or_default();
        let event = MoneyEvent::Scored { score: points };
        Ok(vec![Emit::event(&score.order, &event)?])
    }
}

/// What an order costs: tea may be cheaper.
pub struct Charges;

impl Rule for Charges {
    type Event = OrderEvent;
    type Emits = Emit;
    const NAME: &'static str = "charges";

    fn react(event: &Envelope<OrderEvent>) -> Result<Vec<Emit>, Rejection> {
        let OrderEvent::Placed { product, cents } = &event.data else {
            return Ok(vec![]);
        };
        if NEVER.get() || product == "free" {
            return Ok(vec![]);
        }
        let off = if product == "tea" { DISCOUNT.get() } else { 0 };
        let charge = Charge {
            order: event.stream().id().into(),
            cents: cents - off,
            header: (product == "odd").then(|| "authorization".into()),
        };
        let call = Emit::call::<Payments>(&charge)?;
        Ok(vec![call; if TWICE.get() { 2 } else { 1 }])
    }
}

pub struct Scores;

impl Rule for Scores {
    type Event = OrderEvent;
    type Emits = Emit;
    const NAME: &'static str = "scores";

    fn react(event: &Envelope<OrderEvent>) -> Result<Vec<Emit>, Rejection> {
        match &event.data {
            OrderEvent::Placed { product, .. } if product == "car" => {
                let order = event.stream().id().into();
                Ok(vec![Emit::call::<Agency>(&Score { order })?])
            }
            _ => Ok(vec![]),
        }
    }
}

pub fn service() -> Service {
    Service::new()
        .events::<MoneyEvent>()
        .gateway::<Payments>()
        .gateway::<Agency>()
        .rule::<Charges>()
        .rule::<Scores>()
}
