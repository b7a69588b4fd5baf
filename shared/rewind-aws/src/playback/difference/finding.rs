//! What a comparison has found: an item each, in the order of gateways and keys.

use crate::{
    Error,
    aws::clock::now,
    data_table::{data_store::DataStore, record::Records},
};
use jiff::{SignedDuration, Timestamp};
use rewind::{Proposal, Request};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long findings are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What differs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[schemars(rename = "DifferenceKind")]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A call was made, and another one should have been: it is corrected.
    Correct,
    /// A call was made, and should not have been: it is taken back.
    Undo,
    /// A call would be made that was not: only where the operator allows it.
    New,
    /// A call that is not over, or cannot be corrected: nothing is sent.
    Open,
    /// An event or a command is emitted otherwise, or for the first time. It is
    /// recorded only if the operator says so.
    Emits,
    /// An event or a command that was emitted would not be now. It stays.
    Gone,
    /// The domain refuses an event: nothing behind it in its stream was
    /// compared.
    Refused,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Difference")]
pub struct Finding {
    /// What differs.
    pub kind: Kind,
    /// Who: `rule/name`, for example.
    pub origin: String,
    /// The event that leads to it, as `stream@version`.
    pub cause: String,
    /// The gateway, where it is about a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The call's idempotency key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Request>,
    /// What would have been sent by the code of today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now: Option<Request>,
    /// What is sent if it is approved.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sends: Vec<Request>,
    /// Why nothing is sent; or the type of what is emitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// What is recorded if it is approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Proposal>,
    /// When it was found.
    pub found: Timestamp,
}

impl Finding {
    pub(super) fn new(kind: Kind, origin: &str, cause: &str) -> Self {
        Self {
            kind,
            origin: origin.into(),
            cause: cause.into(),
            gateway: None,
            call: None,
            was: None,
            now: None,
            sends: Vec::new(),
            about: None,
            proposal: None,
            found: now(),
        }
    }

    /// Where it stands in the list: the same, if it is found again.
    pub(super) fn key(&self, nth: usize) -> String {
        let gateway = self.gateway.as_deref().unwrap_or("~");
        let call = self.call.as_deref().unwrap_or_default();
        let (cause, origin) = (&self.cause, &self.origin);
        format!("{gateway}/{cause}/{origin}/{call}/{nth}")
    }

    fn expires(&self) -> Option<Timestamp> {
        self.found.checked_add(KEPT).ok()
    }
}

/// How much a comparison has found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    /// Calls to be corrected.
    pub correct: u64,
    /// Calls to be taken back.
    pub undo: u64,
    /// Calls that would be new.
    pub new: u64,
    /// Calls that are not over, or cannot be corrected.
    pub open: u64,
    /// Events and commands that are emitted otherwise.
    pub emits: u64,
    /// Those that would not be emitted now.
    pub gone: u64,
    /// Streams in which an event is refused.
    pub refused: u64,
    /// Requests that are sent if the list is approved.
    pub requests: u64,
}

impl Found {
    pub(super) fn add(&mut self, finding: &Finding) {
        let count = match finding.kind {
            Kind::Correct => &mut self.correct,
            Kind::Undo => &mut self.undo,
            Kind::New => &mut self.new,
            Kind::Open => &mut self.open,
            Kind::Emits => &mut self.emits,
            Kind::Gone => &mut self.gone,
            Kind::Refused => &mut self.refused,
        };
        *count += 1;
        if finding.proposal.is_some() {
            self.requests += finding.sends.len() as u64;
        }
    }
}

/// The findings of a playback.
pub(super) fn of(playback: &str) -> Records<Finding> {
    Records::named(format!("rewind#differences/{playback}")).until(Finding::expires)
}

/// One page of what a playback has found, behind a key; and where to go on.
///
/// # Errors
///
/// When DynamoDB fails or an item is damaged.
pub async fn page(
    store: &DataStore,
    playback: &str,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<Finding>, Option<String>), Error> {
    let (page, next) = of(playback).page(store, "", after, limit).await?;
    let findings = page.into_iter().map(|(_, record)| record.value);
    Ok((findings.collect(), next))
}
