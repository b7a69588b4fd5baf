//! The events of a gateway's log.

use crate::{
    Answer, CloudEvent, Rejection, Request, Timestamp,
    reserved::{CAUSATION_DEPTH, IMPORTED},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::to_raw_value};
use std::collections::BTreeMap;

/// The data of `call-sent`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SentData {
    /// The call's idempotency key.
    pub call: String,
    /// Which of its requests: 0, but for a correction of several.
    pub nth: usize,
    /// Which attempt at it: 1, 2, 3 …
    pub attempt: u64,
    /// Who sends it: a new id for each attempt.
    pub run: String,
    /// The request, without its secrets.
    pub request: Request,
    /// Why it is sent again, where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<Again>,
}

/// Why a request is sent again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SentAgain")]
pub struct Again {
    /// What became of the attempt before.
    pub because: String,
    /// Whether that attempt may have reached the outside. An outside that knows
    /// no idempotency keys then perhaps acts twice.
    pub may_have_acted: bool,
}

/// The data of `call-answered`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnsweredData {
    /// The call's idempotency key.
    pub call: String,
    /// Which of its requests.
    pub nth: usize,
    /// Which attempt at it.
    pub attempt: u64,
    /// The answer.
    pub answer: Answer,
}

/// The data of `call-failed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailedData {
    /// The call's idempotency key.
    pub call: String,
    /// Which of its requests.
    pub nth: usize,
    /// How many attempts were made at it.
    pub attempts: u64,
    /// Why it is given up.
    pub reason: String,
}

/// The data of `call-retried`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RetriedData {
    /// The call's idempotency key.
    pub call: String,
}

/// The data of `correction-requested`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CorrectionData {
    /// The idempotency key of the call that is corrected.
    pub of: String,
    /// How many corrections it had before.
    pub revision: u64,
    /// What it is corrected to; `null` where it is taken back.
    pub action: Option<Value>,
    /// What is sent, as it was approved, without secrets.
    pub requests: Vec<Request>,
    /// What led to it, such as `playback/fix-prices`.
    pub run: String,
}

/// An event of a gateway's log that is about the call of another event of it.
pub(super) fn event(
    source: String,
    of: &CloudEvent,
    (id, time): (String, Timestamp),
    event_type: &str,
    data: &impl Serialize,
) -> CloudEvent {
    let extensions = of.extensions.iter();
    let kept = extensions.filter(|(name, _)| {
        matches!(
            name.as_str(),
            "correlationid" | "causationid" | CAUSATION_DEPTH | IMPORTED
        )
    });
    let kept = kept.map(|(name, value)| (name.clone(), value.clone()));
    CloudEvent {
        id,
        source,
        event_type: event_type.into(),
        stream: of.stream.clone(),
        time: time.to_string(),
        extensions: kept.collect::<BTreeMap<_, _>>(),
        data: to_raw_value(data).expect("it has text keys only, so it has JSON"),
    }
}

/// Data of the log that cannot be what Rewind writes.
pub(super) fn wrong(what: &str, at: u64) -> Rejection {
    Rejection::new(format!("the log of the gateway: version {at} {what}"))
}
