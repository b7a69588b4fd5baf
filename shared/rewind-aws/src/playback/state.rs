//! What a playback is doing.

use rewind::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a playback is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PlaybackState")]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It sends what the events table holds; a dry run counts it.
    Replaying,
    /// It waits until every row has caught up with its stream.
    CatchingUp,
    /// It records what a comparison has found, and an operator has approved.
    CarryingOut,
    /// The operator has paused it.
    Paused,
    /// All rows have caught up; the operator has to activate the generations.
    CaughtUp,
    /// It is done. Readers see the generations that it has rebuilt.
    Completed,
    /// The operator has cancelled it. Its generations are dropped.
    Cancelled,
    /// It cannot go on. Its generations are dropped.
    Failed,
}

impl State {
    /// Whether it has ended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }

    /// Whether an invocation should be at work on it.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Replaying | Self::CatchingUp | Self::CarryingOut)
    }

    /// The problem of a request that this state does not allow.
    pub(super) fn refuses(self, id: &str, why: &str) -> Problem {
        Problem::new(409, "not-now", format!("playback {id} is {self}: {why}"))
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Replaying => "replaying",
            Self::CatchingUp => "catching up",
            Self::CarryingOut => "carrying out",
            Self::Paused => "paused",
            Self::CaughtUp => "caught up",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        })
    }
}
