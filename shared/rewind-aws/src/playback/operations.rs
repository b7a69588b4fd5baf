//! What operators have done, and what was deployed: a list for people, which
//! nothing is decided by.

use super::player::Player;
use crate::{
    Error,
    aws::clock::{id, now},
    data_table::{data_store::DataStore, record::Records},
};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long an operation is listed.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

static OPERATIONS: Records<Operation> =
    Records::expiring("rewind#operations", |it| it.time.checked_add(KEPT).ok());

/// Something that an operator has done, or a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Operation {
    /// When.
    pub time: Timestamp,
    /// What.
    pub what: What,
    /// What it was done to: a generation such as `carts@2`, an event such as
    /// `cart-1@3`, the id of a playback, the key of a dead letter, or a
    /// version of the functions such as `version 17`.
    pub about: String,
    /// Who, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OperationKind")]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// A playback was asked for.
    PlaybackStarted,
    /// It was paused.
    PlaybackPaused,
    /// It was resumed.
    PlaybackResumed,
    /// It was cancelled.
    PlaybackCancelled,
    /// What a comparison has found was approved.
    Approved,
    /// Another generation serves.
    Activated,
    /// A generation was dropped.
    Dropped,
    /// An event was taken back.
    Reversed,
    /// The records of a dead letter were put onto their stream again.
    Retried,
    /// Another version of the functions runs.
    Deployed,
    /// A dead letter was dealt with.
    Handled,
}

impl Player {
    /// Puts an operation on the list. It has happened already: where it cannot be
    /// noted, the log says so, and the operation stands.
    pub async fn note(&self, what: What, about: impl Into<String>, by: Option<String>) {
        let operation = Operation {
            time: now(),
            what,
            about: about.into(),
            by: by.filter(|by| !by.is_empty()),
        };
        let noted = OPERATIONS.save(&self.store, &id(), &operation, 0).await;
        if let Err(error) = noted {
            tracing::warn!(%error, ?what, "an operation is not noted");
        }
    }
}

/// The operations, the latest first, behind `after`; and the id to go on behind.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn list(
    store: &DataStore,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<(String, Operation)>, Option<String>), Error> {
    let (operations, next) = OPERATIONS.latest(store, after, limit).await?;
    let operations = operations.into_iter();
    let operations = operations.map(|(id, operation)| (id, operation.value));
    Ok((operations.collect(), next))
}
