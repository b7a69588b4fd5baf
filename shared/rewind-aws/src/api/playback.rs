//! playback's routes, what they take and what they answer.

use crate::{aws::http::Route, playback::difference::finding::Finding, reverse::reversal::Preview};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The routes that `template.yaml` has to lead to playback. What they take is in
/// their bodies.
pub const ROUTES: &[Route] = &[
    Route {
        key: "POST /playbacks",
        takes: &[],
        about: "to",
    },
    Route {
        key: "POST /playbacks/{id}/pause",
        takes: &[],
        about: "id",
    },
    Route {
        key: "POST /playbacks/{id}/resume",
        takes: &[],
        about: "id",
    },
    Route {
        key: "POST /playbacks/{id}/cancel",
        takes: &[],
        about: "id",
    },
    Route {
        key: "POST /playbacks/{id}/approve",
        takes: &[],
        about: "id",
    },
    Route {
        key: "POST /projections/{name}/activate",
        takes: &[],
        about: "generation",
    },
    Route {
        key: "POST /projections/{name}/drop",
        takes: &[],
        about: "generation",
    },
    Route {
        key: "POST /streams/{stream}/events/{version}/reversal",
        takes: &[],
        about: "version",
    },
    Route {
        key: "POST /dead-letters/handled",
        takes: &[],
        about: "deadLetter",
    },
];

/// What `POST /projections/{name}/drop` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DropRequest")]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// The generation.
    pub generation: u64,
}

/// What the approval of a comparison takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "ApproveRequest")]
#[serde(deny_unknown_fields)]
pub struct Approve {
    /// Whether events and commands that are emitted otherwise are recorded.
    #[serde(default)]
    pub record: bool,
    /// Who approves; where nothing is said, who has signed the request.
    pub by: Option<String>,
}

/// What `POST /projections/{name}/activate` takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ActivateRequest")]
#[serde(deny_unknown_fields)]
pub struct Activate {
    /// The generation.
    pub generation: u64,
    /// Whether the rows that differ are told as changes.
    #[serde(default)]
    pub changes: bool,
}

/// What a reversal takes.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ReversalRequest")]
#[serde(deny_unknown_fields)]
pub struct Reverse {
    /// Why.
    pub reason: String,
    /// Who wants it; where nothing is said, who has signed the request.
    pub by: Option<String>,
    /// Whether what the event has led to outside is taken back as well.
    #[serde(default)]
    pub undo: bool,
    /// Whether it is only to be shown what would change.
    #[serde(default)]
    pub dry_run: bool,
}

/// What an operator has dealt with.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "HandledRequest")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Handled {
    /// The dead letter's key.
    pub dead_letter: String,
}

/// The dead letter that is off the list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "HandledLetter")]
pub struct OffTheList {
    /// Its key.
    pub handled: String,
}

/// What a reversal would change.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReversalPreview")]
pub struct Previewed {
    /// Inside.
    #[serde(flatten)]
    pub preview: Preview,
    /// What the event has led to outside.
    pub effects: Vec<Finding>,
}
