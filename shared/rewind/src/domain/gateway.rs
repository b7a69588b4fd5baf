//! Gateways: the only way to the outside.

use super::{
    emit::Emit,
    request::{Answer, Request},
};
use crate::Rejection;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// An outside system, as the domain sees it: what it is asked, and what follows
/// from what it answers.
///
/// A gateway is pure. It says what is to be sent; the function `microservice`
/// sends it, through the transport that the deployment names for the gateway.
///
/// Rules, adapters and processes call it with an action ([`Emit::call`],
/// [`Action::call`](crate::Action::call)). The stream `gateway:{NAME}-{key}`
/// holds the action before anything is sent, then each attempt, then the answer.
/// All attempts carry one idempotency key, which depends on the event that led
/// to the call. A replay sends nothing.
///
/// ```
/// use rewind::{Answer, Emit, Gateway, Rejection, Request, testing::gateway};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
/// use serde_json::json;
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
/// struct Charge { order: String, cents: u64 }
///
/// struct Payments;
/// impl Gateway for Payments {
///     type Action = Charge;
///     const NAME: &'static str = "payments";
///
///     fn key(charge: &Charge) -> String {
///         charge.order.clone()
///     }
///
///     fn request(charge: &Charge) -> Result<Request, Rejection> {
///         Request::post("/charges", &json!({"order": charge.order, "cents": charge.cents}))
///     }
///
///     fn answered(_: &Charge, _: &Answer) -> Result<Vec<Emit>, Rejection> {
///         Ok(vec![])
///     }
/// }
///
/// let charge = Charge { order: "7".into(), cents: 1250 };
/// gateway::<Payments>(&charge)
///     .then_request(Request::post("/charges", &json!({"order": "7", "cents": 1250})).unwrap())
///     .answered(201, json!({"id": "ch_1"}))
///     .then([]);
/// ```
pub trait Gateway {
    /// What it can be asked to do: a struct, or an enum of several things. It is
    /// recorded, so it has no secrets: it names them.
    type Action: Serialize + DeserializeOwned + JsonSchema;
    /// Its name: part of a category, so without `-`.
    const NAME: &'static str;
    /// What calling it does.
    const KIND: Kind = Kind::Effect;

    /// What keeps its order: calls of one key are made one after the other, the
    /// next one when the one before is over.
    fn key(action: &Self::Action) -> String;

    /// What is sent for an action.
    ///
    /// # Errors
    ///
    /// A rejection ends the call: it is recorded as failed.
    fn request(action: &Self::Action) -> Result<Request, Rejection>;

    /// What follows from an answer: events, commands, or other calls. An answer
    /// with any status comes here, but for those that are tried again (408, 425,
    /// 429, and 500 to 504 of HTTP; 400 to 499 of SMTP).
    ///
    /// # Errors
    ///
    /// A rejection stalls the gateway for this key until it is mended. The call
    /// is over, and is not made again.
    fn answered(action: &Self::Action, answer: &Answer) -> Result<Vec<Emit>, Rejection>;

    /// What follows from a call that has failed for good: it was tried for a day,
    /// or cannot be sent. The default is nothing.
    ///
    /// # Errors
    ///
    /// As for [`answered`](Self::answered).
    fn failed(action: &Self::Action, reason: &str) -> Result<Vec<Emit>, Rejection> {
        let _ = (action, reason);
        Ok(Vec::new())
    }

    /// What corrects a call that was made, where fixed code would ask for
    /// another action in its place.
    ///
    /// # Errors
    ///
    /// A rejection says why it cannot be corrected. The default is one.
    fn correct(old: &Done<Self::Action>, new: &Self::Action) -> Result<Vec<Request>, Rejection> {
        let _ = (old, new);
        Err(Rejection::new(format!(
            "the gateway {} cannot correct a call",
            Self::NAME
        )))
    }

    /// What takes back a call that was made and should not have been.
    ///
    /// # Errors
    ///
    /// A rejection says why it cannot be taken back. The default is one.
    fn undo(old: &Done<Self::Action>) -> Result<Vec<Request>, Rejection> {
        let _ = old;
        Err(Rejection::new(format!(
            "the gateway {} cannot take a call back",
            Self::NAME
        )))
    }
}

/// What calling a gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It changes something outside. A replay leaves it out.
    Effect,
    /// It asks, and changes nothing. A replay has the answer that was recorded,
    /// and stops where there is none.
    Query,
}

/// A call that was made: what was asked, and what was answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Done<A> {
    /// What counts now: the action that was asked for, or the one that it was
    /// corrected to.
    pub action: A,
    /// The answer to the call itself.
    pub answer: Answer,
    /// Its idempotency key.
    pub key: String,
}
