//! Playbacks that do not go on: each invocation of them fails, and another one
//! tries again. `/health` tells it.

use crate::{Error, aws::clock::now, data_table::stall};
use jiff::Timestamp;
use rewind::Rejection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why the invocations of a playback fail, as its record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Since when they do.
    pub since: Timestamp,
    /// Why, of the last one.
    pub reason: String,
}

/// A playback that does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailingPlayback {
    /// Its id.
    pub id: String,
    /// Since when its invocations fail.
    pub since: Timestamp,
    /// Why, of the last one.
    pub reason: String,
}

impl Failure {
    /// Another failure of a playback, which may have failed `before`.
    pub(super) fn again(before: Option<&Self>, error: &Error) -> Self {
        Self {
            since: before.map_or_else(now, |before| before.since),
            reason: stall::reason(&Rejection::new(error.to_string())),
        }
    }
}
