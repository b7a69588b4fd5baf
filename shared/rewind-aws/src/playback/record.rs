//! A playback as it is stored: what was asked for, what it is doing, and who
//! plays it. How far it is in each partition stands beside it.

use super::{
    difference::finding::Found,
    failing::{FailingPlayback, Failure},
    progress::{self, Progress, Sent},
    request::Request,
    state::State,
};
use crate::{
    Error,
    aws::clock::now,
    data_table::{
        data_store::DataStore,
        record::{Records, Versioned},
        transaction::Write,
    },
    history::partition::Cursor,
};
use jiff::{SignedDuration, Timestamp};
use rewind::{Problem, Receiver, Replay, Target, delivery::Nothing};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The records of playbacks, by id.
pub(super) static PLAYBACKS: Records<Playback> =
    Records::expiring("rewind#playbacks", Playback::expires);

/// The ids of the playbacks that are not over, and of those whose progress is
/// still to be deleted. Nobody has to read the others to find these.
static RUNNING: Records<Nothing> = Records::new("rewind#running");

/// How long a playback is kept after it has ended.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// A playback and how far it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    /// Its id.
    pub id: String,
    /// What it is doing.
    pub state: State,
    /// What was asked for.
    pub request: Request,
    /// Whom it is for.
    pub to: Vec<Receiver>,
    /// It sends what has a position below this: what was recorded before it was
    /// created. Live events take over from there.
    pub until: u64,
    /// How far it is in each partition: `category#partition` of an index, or a
    /// stream that was named. Each has an item of its own; an older version
    /// kept them in this record.
    #[serde(rename = "lanes", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub partitions: BTreeMap<String, Progress>,
    /// Whether each partition has its item.
    #[serde(default, skip_serializing_if = "is_false")]
    pub prepared: bool,
    /// What it has sent in all, once it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<Sent>,
    /// How much of it was sent when it ended, from 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<f64>,
    /// Up to where rows have caught up: a partition, and the commit in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<(String, Option<Cursor>)>,
    /// What it was doing when it was paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<State>,
    /// For how many milliseconds it was sending.
    pub sending_ms: u64,
    /// When it was asked for.
    pub started: Timestamp,
    /// When its record was last written.
    pub heard: Timestamp,
    /// The invocation that plays it: the last one that wrote its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What a comparison has found, once it is complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Found>,
    /// The operator's word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Why its invocations fail, until one of them gets further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failure>,
}

/// An operator's word for what a comparison has found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Whose.
    pub by: String,
    /// Whether events and commands that are emitted otherwise are recorded too.
    pub record: bool,
}

impl Playback {
    /// A playback that was asked for just now, and is not prepared.
    pub(super) fn new(id: &str, request: &Request, to: Vec<Receiver>, until: u64) -> Self {
        let started = now();
        Self {
            id: id.to_string(),
            state: State::Replaying,
            request: request.clone(),
            to,
            until,
            partitions: BTreeMap::new(),
            prepared: false,
            total: None,
            reached: None,
            checked: None,
            paused: None,
            sending_ms: 0,
            started,
            heard: started,
            player: None,
            ended: None,
            found: None,
            approval: None,
            reason: None,
            failing: None,
        }
    }

    /// What it has sent in all.
    pub fn sent(&self) -> Sent {
        let so_far = || self.partitions.values().map(|part| part.sent).sum();
        self.total.unwrap_or_else(so_far)
    }

    /// The generations that it is for.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.to.iter().filter_map(Receiver::target)
    }

    /// Whether its last event is still to be counted off.
    pub(super) fn is_to_be_counted(&self) -> bool {
        self.request.what.count.is_some() && self.request.what.last.is_none()
    }

    /// What stands beside each of its events.
    pub(super) fn replay(&self) -> Replay {
        let what = &self.request.what;
        let mut replay = Replay::new(&self.id, self.to.clone());
        replay.selection = (!what.is_whole_streams()).then(|| what.clone());
        replay
    }

    /// Ends it.
    pub(super) fn end(&mut self, state: State) {
        self.state = state;
        self.ended = Some(now());
    }

    /// For how long its record was not written.
    pub(super) fn silence(&self) -> SignedDuration {
        now().duration_since(self.heard)
    }

    fn expires(&self) -> Option<Timestamp> {
        self.ended.and_then(|ended| ended.checked_add(KEPT).ok())
    }

    fn is_expired(&self) -> bool {
        self.expires().is_some_and(|expires| expires <= now())
    }
}

/// A playback, with how far it is in each partition. One that has expired is
/// not there.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn load(store: &DataStore, id: &str) -> Result<Option<Playback>, Error> {
    let Some(Versioned { mut value, .. }) = read(store, id).await? else {
        return Ok(None);
    };
    if !value.prepared || value.total.is_some() {
        return Ok(Some(value));
    }
    let progress = progress::of(id).all(store, "").await?;
    if progress.is_empty() {
        // It has ended in between.
        return Ok(read(store, id).await?.map(|record| record.value));
    }
    let progress = progress.into_iter();
    value.partitions = progress.map(|(name, part)| (name, part.value)).collect();
    Ok(Some(value))
}

/// All playbacks that are not over, with how far they are.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn running(store: &DataStore) -> Result<Vec<Playback>, Error> {
    let mut running = Vec::new();
    for (id, _) in RUNNING.all(store, "").await? {
        let playback = load(store, &id).await?;
        running.extend(playback.filter(|playback| !playback.state.is_over()));
    }
    Ok(running)
}

/// The records of the playbacks that are not over, and of those whose progress
/// is still to be deleted.
pub(super) async fn unfinished(store: &DataStore) -> Result<Vec<Playback>, Error> {
    let mut records = Vec::new();
    for (id, _) in RUNNING.all(store, "").await? {
        records.extend(read(store, &id).await?.map(|record| record.value));
    }
    Ok(records)
}

/// The playbacks that should be at work and whose invocations fail.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn failing_ones(store: &DataStore) -> Result<Vec<FailingPlayback>, Error> {
    let running = unfinished(store).await?.into_iter();
    let running = running.filter(|playback| playback.state.is_running());
    let failing = running.filter_map(|Playback { id, failing, .. }| {
        let Failure { since, reason } = failing?;
        Some(FailingPlayback { id, since, reason })
    });
    Ok(failing.collect())
}

/// The record of a playback. One that has expired is not there.
pub(super) async fn read(
    store: &DataStore,
    id: &str,
) -> Result<Option<Versioned<Playback>>, Error> {
    let found = PLAYBACKS.load(store, id).await?;
    Ok(found.filter(|record| !record.value.is_expired()))
}

/// The playbacks, the latest first, behind `after`; and the id to go on behind.
/// How far those are that run is read for each.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn latest(
    store: &DataStore,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<Playback>, Option<String>), Error> {
    let (records, next) = PLAYBACKS.latest(store, after, limit).await?;
    let records = records.into_iter().map(|(_, record)| record.value);
    let mut playbacks = Vec::new();
    for playback in records.filter(|playback| !playback.is_expired()) {
        let is_counted = playback.total.is_some();
        let whole = match is_counted {
            true => Some(playback),
            false => load(store, &playback.id).await?,
        };
        playbacks.extend(whole);
    }
    Ok((playbacks, next))
}

/// The writes that make a playback, as part of a transaction. What has expired
/// under its id gives way.
pub(super) async fn creation(store: &DataStore, playback: &Playback) -> Result<[Write; 2], Error> {
    let expired = PLAYBACKS.load(store, &playback.id).await?;
    let seen = expired.filter(|record| record.value.is_expired());
    let seen = seen.map_or(0, |record| record.revision);
    Ok([
        PLAYBACKS.put(&playback.id, playback, seen)?,
        RUNNING.replace(&playback.id, &Nothing {})?,
    ])
}

/// Lists a playback among the running ones. Those that an older version has
/// made are not listed.
pub(super) async fn list(store: &DataStore, id: &str) -> Result<(), Error> {
    let row = RUNNING.row(id, &Nothing {})?;
    store.replace(&RUNNING.key(id), &row).await
}

/// Changes the record of a playback, whoever else does so at the same time.
/// Where there is none, it is a problem, as what `edit` refuses is.
pub(super) async fn change<E: From<Error> + From<Problem>>(
    store: &DataStore,
    id: &str,
    mut edit: impl FnMut(&mut Playback) -> Result<(), Problem>,
) -> Result<Versioned<Playback>, E> {
    let changed = PLAYBACKS.change(store, id, |known| {
        let Some(mut playback) = known.filter(|known| !known.is_expired()) else {
            return Ok(None);
        };
        edit(&mut playback)?;
        playback.heard = now();
        Ok::<_, E>(Some(playback))
    });
    let not_found = || Problem::not_found(format!("there is no playback {id}"));
    changed.await?.ok_or_else(|| not_found().into())
}

/// Keeps the total of a playback that is over, and deletes its progress. To be
/// called when nobody is at work on it; repeating it changes nothing.
pub(super) async fn finish(store: &DataStore, id: &str) -> Result<(), Error> {
    let progress = progress::of(id);
    let parts = progress.all(store, "").await?;
    let sent: Sent = parts.iter().map(|(_, part)| part.value.sent).sum();
    let reached = progress::share(parts.iter().map(|(_, part)| &part.value));
    let mut is_over = true;
    PLAYBACKS
        .change(store, id, |known| {
            is_over = known.as_ref().is_none_or(|known| known.state.is_over());
            let known = known.filter(|known| known.prepared && known.total.is_none());
            Ok::<_, Error>(known.filter(|_| is_over).map(|mut playback| {
                playback.total = Some(sent);
                playback.reached = Some(reached);
                playback
            }))
        })
        .await?;
    if is_over {
        store.delete_partition(progress.partition(), "").await?;
        store.delete(&RUNNING.key(id)).await?;
    }
    Ok(())
}

fn is_false(value: &bool) -> bool {
    !value
}
