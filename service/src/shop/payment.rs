//! The payment of an order, in the stream `payment-<order_id>`.
//!
//! The payment provider stands behind the gateway of `provider.rs`. What it
//! answers comes here as the commands `confirm-payment` and `fail-payment`.

use rewind::{
    Aggregate, Command, Decision, Envelope, Event, Rejection, SingleStreamProjection, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

// Events.

/// What happens to a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum PaymentEvent {
    /// The user has to pay.
    PaymentRequested {
        /// How much; `null` where the order does not tell it.
        cents: Option<u64>,
    },
    /// The user has paid.
    PaymentConfirmed,
    /// The user has not paid and will not.
    PaymentFailed {
        /// Why, in the provider's words.
        reason: String,
    },
    /// The user gets the money back.
    PaymentRefunded,
}

impl Event for PaymentEvent {
    const CATEGORY: &'static str = "payment";
}

// Commands.

/// What may be asked of a payment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum PaymentCommand {
    /// Given by the process `checkout`.
    RequestPayment {
        /// How much.
        cents: Option<u64>,
    },
    /// Given by the provider.
    ConfirmPayment,
    /// Given by the provider.
    FailPayment {
        /// Why.
        reason: String,
    },
    /// Given by the process `checkout`.
    RefundPayment,
}

impl Command for PaymentCommand {
    type Aggregate = Payment;
}

// Rejections.

/// Why a payment refuses a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PaymentRejection {
    #[error("no payment was requested")]
    NotRequested,
    #[error("the payment was requested already")]
    AlreadyRequested,
    #[error("the payment is not confirmed")]
    NotConfirmed,
    #[error("the payment is confirmed")]
    AlreadyConfirmed,
    #[error("the payment has failed")]
    Failed,
    #[error("the payment was refunded")]
    AlreadyRefunded,
}

// State.

/// How far a payment is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Payment {
    #[default]
    NotRequested,
    Requested,
    Confirmed,
    Failed,
    Refunded,
}

impl Payment {
    fn apply(&mut self, event: &PaymentEvent) {
        *self = match event {
            PaymentEvent::PaymentRequested { .. } => Self::Requested,
            PaymentEvent::PaymentConfirmed => Self::Confirmed,
            PaymentEvent::PaymentFailed { .. } => Self::Failed,
            PaymentEvent::PaymentRefunded => Self::Refunded,
        }
    }

    fn refuses(self) -> PaymentRejection {
        match self {
            Self::NotRequested => PaymentRejection::NotRequested,
            Self::Requested => PaymentRejection::NotConfirmed,
            Self::Confirmed => PaymentRejection::AlreadyConfirmed,
            Self::Failed => PaymentRejection::Failed,
            Self::Refunded => PaymentRejection::AlreadyRefunded,
        }
    }
}

// Aggregate.

impl Aggregate for Payment {
    type Command = PaymentCommand;
    type Event = PaymentEvent;
    type Rejection = PaymentRejection;

    fn decide(
        &self,
        command: PaymentCommand,
        _: Timestamp,
    ) -> Result<Decision<Self>, PaymentRejection> {
        let event = match (command, self) {
            (PaymentCommand::RequestPayment { cents }, Self::NotRequested) => {
                PaymentEvent::PaymentRequested { cents }
            }
            (PaymentCommand::RequestPayment { .. }, _) => {
                return Err(PaymentRejection::AlreadyRequested);
            }
            (PaymentCommand::ConfirmPayment, Self::Requested) => PaymentEvent::PaymentConfirmed,
            (PaymentCommand::FailPayment { reason }, Self::Requested) => {
                PaymentEvent::PaymentFailed { reason }
            }
            (PaymentCommand::RefundPayment, Self::Confirmed) => PaymentEvent::PaymentRefunded,
            (
                PaymentCommand::ConfirmPayment
                | PaymentCommand::FailPayment { .. }
                | PaymentCommand::RefundPayment,
                state,
            ) => return Err(state.refuses()),
        };
        Ok([event].into())
    }

    fn evolve(&mut self, event: &Envelope<PaymentEvent>) {
        self.apply(&event.data);
    }

    /// An event may happen where the command that asks for it is taken.
    fn allows(&self, event: &Envelope<PaymentEvent>) -> Result<(), PaymentRejection> {
        let command = match event.data.clone() {
            PaymentEvent::PaymentRequested { cents } => PaymentCommand::RequestPayment { cents },
            PaymentEvent::PaymentConfirmed => PaymentCommand::ConfirmPayment,
            PaymentEvent::PaymentFailed { reason } => PaymentCommand::FailPayment { reason },
            PaymentEvent::PaymentRefunded => PaymentCommand::RefundPayment,
        };
        self.decide(command, Timestamp::UNIX_EPOCH).map(drop)
    }
}

// Projection.

/// A payment as readers see it.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names of fields say it")]
pub struct PaymentRow {
    pub status: Payment,
    pub cents: Option<u64>,
    pub failed_because: Option<String>,
}

/// Each payment.
#[derive(Debug)]
pub struct Payments;

impl SingleStreamProjection for Payments {
    type Event = PaymentEvent;
    type Row = PaymentRow;
    const NAME: &'static str = "payments";

    fn apply(row: &mut PaymentRow, event: &Envelope<PaymentEvent>) -> Result<(), Rejection> {
        match &event.data {
            PaymentEvent::PaymentRequested { cents } => row.cents = *cents,
            PaymentEvent::PaymentFailed { reason } => row.failed_because = Some(reason.clone()),
            PaymentEvent::PaymentConfirmed | PaymentEvent::PaymentRefunded => {}
        }
        row.status.apply(&event.data);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
