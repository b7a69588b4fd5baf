//! Incidents: what was wrong with the system, since when, and until when. A list
//! for people, which nothing is decided by.
//!
//! Two partitions are written together: the list, and what of it is open. An
//! incident is open once, whoever notes it at the same time and wherever a
//! function dies.

use super::{data_store::DataStore, record::Records, row::Written, transaction::Write};
use crate::Error;
use jiff::{SignedDuration, Timestamp};
use rewind::event::identity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// How long an incident is listed after its end.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// All incidents. Their ids begin with the time since when they are.
static INCIDENTS: Records<Incident> = Records::expiring("rewind#incidents", |it| {
    it.until.and_then(|until| until.checked_add(KEPT).ok())
});

/// Those that are not over, by their names.
static OPEN: Records<Incident> = Records::new("rewind#open-incidents");

/// The revision of a record of [`OPEN`]: it is written once.
const WRITTEN_ONCE: u64 = 1;

/// Characters of a name: enough to tell apart what is wrong in one system.
const NAME: usize = 16;

/// Something that was wrong with the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Incident {
    /// What kind of incident it is.
    pub kind: Kind,
    /// What it is about: a reader on an event, a function on a shard, a
    /// playback, a reader, a gateway, a stream, an event type, or the key of a dead
    /// letter.
    pub what: String,
    /// The event that it is about, such as `cart-1@3`, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Why, as it was when it was noted.
    pub why: String,
    /// Since when: as the thing itself says, or else when it was seen first.
    pub since: Timestamp,
    /// When it was seen no more; none while it is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Kinds of incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "IncidentKind")]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A reader refuses an event, and its stream waits.
    StalledStream,
    /// The next batch of a shard fails.
    FailingBatch,
    /// The invocations of a playback fail.
    FailingPlayback,
    /// A trigger has given up on a batch.
    DeadLetter,
    /// A reader does not move.
    ReaderBehind,
    /// Calls of a gateway wait for the outside.
    WaitingCalls,
    /// The identity of an event was used again with other content.
    Conflict,
    /// A record could not be recorded.
    UnreadableRecord,
    /// History has an event type that no enum declares.
    UndeclaredType,
}

impl Incident {
    /// What it has in common with any other incident of the same thing: its kind
    /// and what it is about. Of one name, one is open.
    pub fn name(&self) -> String {
        let mut name = identity(&json!(self.kind).to_string(), &self.what);
        name.truncate(NAME);
        name
    }

    /// Its id in the list: the milliseconds since 1970, and its name.
    fn id(&self) -> String {
        let since = self.since.as_millisecond().max(0);
        format!("{since:013}-{}", self.name())
    }
}

/// The incidents that are open.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn open(store: &DataStore) -> Result<Vec<Incident>, Error> {
    let open = OPEN.all(store, "").await?.into_iter();
    Ok(open.map(|(_, incident)| incident.value).collect())
}

/// Notes an incident that has begun, unless one of its name is open.
///
/// # Errors
///
/// When DynamoDB fails or the incident has no JSON.
pub async fn begin(store: &DataStore, incident: &Incident) -> Result<(), Error> {
    let writes = [
        OPEN.put(&incident.name(), incident, 0)?,
        INCIDENTS.replace(&incident.id(), incident)?,
    ];
    if store.write_together(&writes).await? == Written::Done {
        let Incident { kind, what, .. } = incident;
        tracing::info!(?kind, what, "an incident has begun");
    }
    Ok(())
}

/// Notes that an open incident is over, unless somebody has.
///
/// # Errors
///
/// When DynamoDB fails or the incident has no JSON.
pub async fn end(store: &DataStore, incident: &Incident, until: Timestamp) -> Result<(), Error> {
    let over = Incident {
        until: Some(until),
        ..incident.clone()
    };
    let open = Write::Remove {
        key: OPEN.key(&over.name()),
        seen: WRITTEN_ONCE,
    };
    let writes = [open, INCIDENTS.replace(&over.id(), &over)?];
    if store.write_together(&writes).await? == Written::Done {
        let Incident { kind, what, .. } = over;
        tracing::info!(?kind, what, "an incident is over");
    }
    Ok(())
}

/// The incidents, the latest first, behind `after`; and the id to go on behind.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn list(
    store: &DataStore,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<(String, Incident)>, Option<String>), Error> {
    let (incidents, next) = INCIDENTS.latest(store, after, limit).await?;
    let incidents = incidents.into_iter();
    let incidents = incidents.map(|(id, incident)| (id, incident.value));
    Ok((incidents.collect(), next))
}
