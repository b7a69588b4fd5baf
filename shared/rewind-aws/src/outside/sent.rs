//! What is sent, and what came of it.

use rewind::{Answer, Request};
use std::time::Duration;

/// One request on its way to the outside.
#[derive(Debug, Clone, Copy)]
pub struct Sending<'a> {
    /// What is sent.
    pub request: &'a Request,
    /// The idempotency key: the same for each try, so that an outside that
    /// honours keys acts once.
    pub key: &'a str,
    /// The trace that the request belongs to, as W3C's Trace Context writes it;
    /// empty without one.
    pub traceparent: &'a str,
}

/// Why nothing can be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waits {
    /// For an operator.
    pub reason: String,
    /// No sooner than that.
    pub after: Option<Duration>,
}

/// What came of one try.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// The outside has answered, and asking again would not change the answer.
    Answered(Answer),
    /// It can be tried again.
    Later {
        /// Why it has not worked, for an operator. It holds no secret, no body
        /// and no header.
        reason: String,
        /// No sooner than that: the outside or the circuit has said so.
        after: Option<Duration>,
        /// Whether the request may have reached the outside. `false` only where
        /// it certainly has not, or where the outside has said that it did
        /// nothing.
        may_have_acted: bool,
    },
    /// It will never be sent like this.
    Never {
        /// What is wrong with the request.
        reason: String,
    },
}

impl Sent {
    /// It certainly has not reached the outside.
    pub(super) fn unsent(reason: impl Into<String>) -> Self {
        Self::Later {
            reason: reason.into(),
            after: None,
            may_have_acted: false,
        }
    }

    /// It may have reached the outside, which has not said what it did.
    pub(super) fn unclear(reason: impl Into<String>) -> Self {
        Self::Later {
            reason: reason.into(),
            after: None,
            may_have_acted: true,
        }
    }

    pub(super) fn never(reason: impl Into<String>) -> Self {
        Self::Never {
            reason: reason.into(),
        }
    }

    /// In a word or a number, for a log line.
    pub(super) fn outcome(&self) -> String {
        match self {
            Self::Answered(answer) => answer.status.to_string(),
            Self::Later { .. } => "later".to_string(),
            Self::Never { .. } => "never".to_string(),
        }
    }
}
