//! The payment provider, through the gateway `payments`: an order's money is
//! authorised when the order is opened, and captured when its parcel leaves.

use super::payment::PaymentCommand;
use rewind::{Answer, Done, Emit, Gateway, Rejection, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What the provider can be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PaymentAction {
    /// To keep money of the user's ready.
    Authorise {
        /// The order.
        order: String,
        /// How much.
        cents: u64,
    },
    /// To take it.
    Capture {
        /// The order.
        order: String,
        /// How much.
        cents: u64,
    },
    /// To give it back, or to let it go where it was not taken.
    Refund {
        /// The order.
        order: String,
    },
}

impl PaymentAction {
    fn order(&self) -> &str {
        match self {
            Self::Authorise { order, .. }
            | Self::Capture { order, .. }
            | Self::Refund { order } => order,
        }
    }
}

/// The gateway of the payment provider.
#[derive(Debug)]
pub struct Provider;

impl Gateway for Provider {
    type Action = PaymentAction;
    const NAME: &'static str = "payments";

    /// All about one order in its order.
    fn key(action: &PaymentAction) -> String {
        action.order().into()
    }

    fn request(action: &PaymentAction) -> Result<Request, Rejection> {
        match action {
            PaymentAction::Authorise { order, cents } => money("/authorisations", order, *cents),
            PaymentAction::Capture { order, cents } => money("/captures", order, *cents),
            PaymentAction::Refund { order } => {
                Request::post("/refunds", &json!({ "order": order }))
            }
        }
    }

    fn answered(action: &PaymentAction, answer: &Answer) -> Result<Vec<Emit>, Rejection> {
        let PaymentAction::Authorise { order, .. } = action else {
            return match answer.is_ok() {
                true => Ok(vec![]),
                // Somebody has to look at it: the stream stalls, and says so.
                false => Err(Rejection::new(format!(
                    "the provider has answered {} to what it had authorised",
                    answer.status
                ))),
            };
        };
        let command = match answer.is_ok() {
            true => PaymentCommand::ConfirmPayment,
            false => {
                let reason = answer.body["reason"].as_str();
                let reason = reason.map_or_else(
                    || format!("the provider has answered {}", answer.status),
                    Into::into,
                );
                PaymentCommand::FailPayment { reason }
            }
        };
        Ok(vec![Emit::command(order, &command)?])
    }

    /// The difference is captured as well, or given back. Another sum is
    /// authorised in the place of the old one.
    fn correct(old: &Done<PaymentAction>, new: &PaymentAction) -> Result<Vec<Request>, Rejection> {
        match (&old.action, new) {
            (PaymentAction::Authorise { .. }, PaymentAction::Authorise { order, cents }) => {
                Ok(vec![money("/authorisations", order, *cents)?])
            }
            (
                PaymentAction::Capture { cents: old, .. },
                PaymentAction::Capture { order, cents },
            ) if cents > old => Ok(vec![money("/captures", order, cents - old)?]),
            (
                PaymentAction::Capture { cents: old, .. },
                PaymentAction::Capture { order, cents },
            ) => Ok(vec![money("/refunds", order, old - cents)?]),
            (_, new) => Ok([Self::undo(old)?, vec![Self::request(new)?]].concat()),
        }
    }

    fn undo(old: &Done<PaymentAction>) -> Result<Vec<Request>, Rejection> {
        match &old.action {
            PaymentAction::Authorise { order, .. } => {
                Ok(vec![Request::post("/voids", &json!({ "order": order }))?])
            }
            PaymentAction::Capture { order, cents } => Ok(vec![money("/refunds", order, *cents)?]),
            PaymentAction::Refund { .. } => {
                Err(Rejection::new("what was given back has to be paid again"))
            }
        }
    }
}

fn money(path: &str, order: &str, cents: u64) -> Result<Request, Rejection> {
    Request::post(path, &json!({"order": order, "cents": cents}))
}

#[cfg(test)]
mod tests;
