//! Playback: streams recorded events back through the replay stream.
//!
//! A rebuild opens a new generation of each projection asked for (live events
//! reach it from then on), sends what the events table holds, checks that
//! every row has caught up with its stream, and only then lets readers see it.
//! A part of history goes into a generation of its own, which never serves.
//! What a playback has done is saved after each acknowledged page: one that
//! dies goes on from there.

use super::pace::Pacer;
use super::request::Request;
use crate::{
    Error,
    aws::{
        clock::{self, now},
        producer::Stream,
    },
    data_table::data_store::{self, DataStore, Key, Row, Written},
    event_table::event_store::EventStore,
    generation::lifecycle::{self, ChangeError, Generations},
    history::partition::Cursor,
};
use jiff::Timestamp;
use rewind::{Problem, Receiver, Replay, Service, Target};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

/// The partition of the operator's records about playbacks.
const PARTITION: &str = "rewind#playbacks";

/// How long the index may lag behind the table (DynamoDB: "within a fraction
/// of a second, under normal conditions").
pub const INDEX_LAG: Duration = Duration::from_secs(2);

/// How long a playback that nobody has heard of is left alone, before
/// [`Player::forsaken`] names it. It saves something many times as often.
const LEASE: Duration = Duration::from_secs(10);

/// How often a playback that waits says that it lives, and looks whether the
/// operator has stopped it.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// How often a record that others change as well is tried.
const MAX_COLLISIONS: u32 = 8;

/// A playback and how far it is, as it is saved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Playback {
    /// What it is called.
    pub id: String,
    /// What it is doing.
    pub state: State,
    /// What was asked for.
    pub request: Request,
    /// Whom it is for.
    pub to: Vec<Receiver>,
    /// It sends what has a position below this: what was recorded before it
    /// was created. Live events take over from there.
    pub until: u64,
    /// How far it is in each partition: a partition `category#partition` of an index, or a
    /// stream that was asked for by its name.
    #[serde(rename = "lanes")]
    pub partitions: BTreeMap<String, Progress>,
    /// Up to where rows were found to have caught up: a partition, and the place in
    /// it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<(String, Option<Cursor>)>,
    /// What it was doing when it was paused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<State>,
    /// For how many milliseconds it was sending.
    pub sending_ms: u64,
    /// When it was asked for.
    pub started: Timestamp,
    /// When it was last heard of.
    pub heard: Timestamp,
    /// The invocation that plays it: whoever wrote its name last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far a playback is in a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The first and the last position that the partition has to offer; `None`
    /// before it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The commit up to which all is sent.
    #[serde(rename = "place", default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// What of it was sent; a page that was sent twice, because the playback
    /// died in between, counts once.
    #[serde(default)]
    pub sent: Sent,
    /// Whether its end was reached.
    pub done: bool,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Events.
    pub events: u64,
    /// Kinesis records that they took.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their bytes as Kinesis bills them: each record rounded up to 1 KB.
    pub billed_bytes: u64,
    /// Read units that reading the events took (DynamoDB: strongly consistent,
    /// one for each 4 KB of an item).
    pub read_units: u64,
}

/// What a playback is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Sending what the events table holds, or, on a dry run, counting it.
    Replaying,
    /// Waiting until every row has caught up with its stream.
    CatchingUp,
    /// Told to wait by the operator.
    Paused,
    /// Everything is there; the operator has to let readers see it.
    CaughtUp,
    /// Done: of a rebuild, readers see the new generations.
    Completed,
    /// Given up by the operator; the new generations are dropped.
    Cancelled,
    /// Given up; the new generations are dropped.
    Failed,
}

impl State {
    /// Whether it has come to an end.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }

    /// Whether an invocation should be at work on it.
    pub fn is_running(self) -> bool {
        matches!(self, Self::Replaying | Self::CatchingUp)
    }
}

/// How an invocation of a playback ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// For good, or until the operator says so.
    Over(Box<Playback>),
    /// In time, before the deadline: it wants another invocation.
    Unfinished(Box<Playback>),
}

/// Runs playbacks.
#[derive(Debug)]
pub struct Player {
    pub(super) service: Service,
    pub(super) events: EventStore,
    pub(super) store: DataStore,
    pub(super) replay: Stream,
    pub(super) index_lag: Duration,
}

/// Why a playback does not go on.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// A service failed: another invocation goes on.
    #[error(transparent)]
    Service(#[from] Error),
}

/// A playback at work: what is saved, and what is not.
pub(super) struct Playing<'a> {
    pub(super) player: &'a Player,
    /// The invocation's name.
    pub(super) name: String,
    pub(super) replay: Replay,
    pub(super) request: Request,
    pub(super) until: u64,
    pub(super) saved: tokio::sync::Mutex<Saved>,
    pub(super) pacer: Pacer,
    pub(super) deadline: Instant,
    /// Whether a partition has ended early, so that the others do as well.
    pub(super) is_ending: AtomicBool,
}

pub(super) struct Saved {
    pub(super) playback: Playback,
    pub(super) revision: u64,
    /// When `sending_ms` was last added to.
    pub(super) counted: Instant,
}

/// Whether a playback goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// It does.
    On,
    /// The deadline is near.
    OutOfTime,
    /// The operator has paused or cancelled it.
    Stopped,
}

impl Player {
    /// A player that sends to the stream `replay`.
    pub fn new(service: Service, events: EventStore, store: DataStore, replay: Stream) -> Self {
        Self {
            service,
            events,
            store,
            replay,
            index_lag: INDEX_LAG,
        }
    }

    /// With another time that the index may lag behind the table: a test knows
    /// that of its own.
    #[must_use]
    pub fn with_index_lag(mut self, lag: Duration) -> Self {
        self.index_lag = lag;
        self
    }

    /// Goes on with a saved playback until it is over, or until shortly before
    /// `deadline`. Another invocation that is at work on it stops.
    ///
    /// # Errors
    ///
    /// When there is none of this id, or a service fails: what is saved stays,
    /// and another call goes on.
    pub async fn play(&self, id: &str, deadline: Instant) -> Result<Ended, PlayError> {
        let name = clock::id();
        let begin = async || {
            let named = self.change(id, |playback| {
                playback.player = Some(name.clone());
                Ok(())
            });
            named.await
        };
        let (mut playback, mut revision) = begin().await?;
        if playback.state == State::Replaying && playback.is_to_be_counted() {
            if let Some(ended) = self.count(&playback, deadline).await? {
                return Ok(Ended::Over(Box::new(ended)));
            }
            (playback, revision) = begin().await?;
        }
        let run = Playing {
            player: self,
            name,
            replay: playback.replay(),
            request: playback.request.clone(),
            until: playback.until,
            pacer: Pacer::new(playback.request.rate),
            saved: tokio::sync::Mutex::new(Saved {
                playback,
                revision,
                counted: Instant::now(),
            }),
            deadline,
            is_ending: AtomicBool::new(false),
        };
        loop {
            let state = run.saved.lock().await.playback.state;
            let go = match state {
                State::Replaying => run.replay().await?,
                State::CatchingUp => run.catch_up().await?,
                _ => Go::Stopped,
            };
            let playback = || async { Box::new(run.saved.lock().await.playback.clone()) };
            match go {
                Go::On => {}
                Go::OutOfTime => return Ok(Ended::Unfinished(playback().await)),
                Go::Stopped => return Ok(Ended::Over(playback().await)),
            }
        }
    }

    /// Stops a playback after the page that it is at; [`resume`](Self::resume)
    /// lets it go on.
    ///
    /// # Errors
    ///
    /// A problem when there is none, or it is not running.
    pub async fn pause(&self, id: &str) -> Result<Playback, PlayError> {
        let paused = self.change(id, |playback| match playback.state {
            State::Paused => Ok(()),
            state if state.is_running() => {
                playback.paused = Some(state);
                playback.state = State::Paused;
                Ok(())
            }
            state => Err(not_now(id, state, "only a running one can be paused")),
        });
        Ok(paused.await?.0)
    }

    /// Lets a paused playback go on, or one that has died: it then wants an
    /// invocation.
    ///
    /// # Errors
    ///
    /// A problem when there is none, or it is over.
    pub async fn resume(&self, id: &str) -> Result<Playback, PlayError> {
        let going = self.change(id, |playback| match playback.state {
            State::Paused => {
                let before = playback.paused.take();
                playback.state = before.unwrap_or(State::Replaying);
                Ok(())
            }
            state if state.is_running() => Ok(()),
            state => Err(not_now(id, state, "it has come to an end")),
        });
        Ok(going.await?.0)
    }

    /// Gives a playback up. What it has built is dropped, and wants to be
    /// [`swept`](Self::sweep).
    ///
    /// # Errors
    ///
    /// A problem when there is none, or it is over.
    pub async fn cancel(&self, id: &str) -> Result<Playback, PlayError> {
        let cancelled = self.change(id, |playback| match playback.state {
            // What a failure has left behind is dropped all the same.
            State::Cancelled | State::Failed => Ok(()),
            state if state.is_over() => Err(not_now(id, state, "it has come to an end")),
            _ => {
                playback.state = State::Cancelled;
                playback.ended = Some(now());
                Ok(())
            }
        });
        let (playback, _) = cancelled.await?;
        self.abandon(&playback.request, &playback.to).await?;
        Ok(playback)
    }

    /// The playbacks that should be at work and that nobody has heard of for a
    /// while: each wants an invocation.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a record is damaged.
    pub async fn orphaned(&self) -> Result<Vec<String>, Error> {
        let mut forsaken = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, next) = list(&self.store, after.as_deref(), 100).await?;
            let silent = page.into_iter().filter(|playback| {
                let silence = now().as_millisecond() - playback.heard.as_millisecond();
                playback.state.is_running() && silence > LEASE.as_millis() as i64
            });
            forsaken.extend(silent.map(|playback| playback.id));
            after = next;
            if after.is_none() {
                return Ok(forsaken);
            }
        }
    }

    /// Deletes what dropped generations have left. `false` when the deadline
    /// came first.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails; repeating it goes on.
    pub async fn sweep(&self, deadline: Instant) -> Result<bool, Error> {
        let known = lifecycle::all(&self.store).await?;
        lifecycle::sweep(&self.store, &known, || Instant::now() < deadline).await
    }

    /// Lets readers see another generation of a projection, as the operator
    /// wants it: one that has caught up, or, as a rollback, the one before.
    ///
    /// # Errors
    ///
    /// A problem when the projection or the generation is not there, or not
    /// ready.
    pub async fn activate(&self, target: &Target) -> Result<Generations, PlayError> {
        let name = &target.projection;
        self.known(name)?;
        let refused = |why: String| PlayError::from(Problem::new(409, "not-ready", why));
        let known = lifecycle::of(&self.store, name).await?;
        let builder = known.playback.as_deref();
        let builder = builder.filter(|_| known.building == Some(target.generation));
        let playback = match builder {
            Some(id) => load(&self.store, id).await?,
            None => None,
        };
        if let Some((playback, _)) = &playback
            && playback.state != State::CaughtUp
        {
            let (id, state) = (&playback.id, playback.state);
            return Err(refused(format!("playback {id} of {target} is {state}")));
        }
        changed(lifecycle::activate(&self.store, target).await, "not-ready")?;
        if let Some((playback, _)) = playback {
            // A playback of several projections is over with the last of them.
            let mut is_over = true;
            for other in playback.targets() {
                let known = lifecycle::of(&self.store, &other.projection).await?;
                is_over &= known.building != Some(other.generation);
            }
            if is_over {
                let completed = self.change(&playback.id, |playback| {
                    playback.state = State::Completed;
                    playback.ended = Some(now());
                    Ok(())
                });
                completed.await?;
            }
        }
        Ok(lifecycle::of(&self.store, name).await?)
    }

    /// Drops a generation that nobody needs any more. It wants to be
    /// [`swept`](Self::sweep).
    ///
    /// # Errors
    ///
    /// A problem when it serves, is being built, or is not there.
    pub async fn drop_generation(&self, target: &Target) -> Result<Generations, PlayError> {
        self.known(&target.projection)?;
        changed(lifecycle::drop(&self.store, target).await, "not-droppable")?;
        Ok(lifecycle::of(&self.store, &target.projection).await?)
    }

    pub(super) fn known(&self, projection: &str) -> Result<(), Problem> {
        match self.service.projection(projection) {
            Some(_) => Ok(()),
            None => Err(Problem::not_found(format!(
                "there is no projection {projection:?}"
            ))),
        }
    }

    /// Changes a saved playback, whoever else does so at the same time.
    pub(super) async fn change(
        &self,
        id: &str,
        mut edit: impl FnMut(&mut Playback) -> Result<(), Problem>,
    ) -> Result<(Playback, u64), PlayError> {
        for attempt in 1..=MAX_COLLISIONS {
            let (mut playback, revision) = load(&self.store, id)
                .await?
                .ok_or_else(|| Problem::not_found(format!("there is no playback {id}")))?;
            edit(&mut playback)?;
            playback.heard = now();
            if save(&self.store, &playback, revision).await? == Written::Done {
                return Ok((playback, revision + 1));
            }
            crate::aws::retry::wait(attempt).await;
        }
        Err(PlayError::Service(Error::Contended {
            what: format!("playback {id}"),
            attempts: MAX_COLLISIONS,
        }))
    }

    /// Drops the generations that a playback was to build.
    pub(super) async fn abandon(&self, request: &Request, to: &[Receiver]) -> Result<(), Error> {
        for target in to.iter().filter_map(Receiver::target) {
            // What was there before stays.
            if request.dry_run || request.is_aimed_at(target) {
                continue;
            }
            match lifecycle::abandon(&self.store, target).await {
                Ok(()) => {}
                Err(ChangeError::Refused(why)) => tracing::warn!(%target, why, "not abandoned"),
                Err(ChangeError::Service(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Playback {
    /// What it has sent in all.
    pub fn sent(&self) -> Sent {
        let mut sent = Sent::default();
        self.partitions
            .values()
            .for_each(|partition| sent += partition.sent);
        sent
    }

    /// The generations that it is for.
    pub fn targets(&self) -> impl Iterator<Item = &Target> {
        self.to.iter().filter_map(Receiver::target)
    }

    pub(super) fn is_to_be_counted(&self) -> bool {
        self.request.what.count.is_some() && self.request.what.last.is_none()
    }

    /// What stands beside each of its events.
    pub(super) fn replay(&self) -> Replay {
        let what = &self.request.what;
        let mut replay = Replay::new(&self.id, self.to.clone());
        replay.selection = (!what.is_whole_streams()).then(|| what.clone());
        replay.gateways = self.request.gateways.clone();
        replay
    }
}

impl Playing<'_> {
    /// Whether there is time for another page before the deadline.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.deadline && !self.is_ending.load(Ordering::Relaxed)
    }

    /// Lets all partitions end after the page that they are at.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Changes what is saved. Progress is saved by one at a time. Where the
    /// operator has paused or cancelled the playback meanwhile, progress is
    /// saved all the same and the playback stops; where another invocation has
    /// taken it over, this one stops as well.
    pub(super) async fn save(&self, change: impl Fn(&mut Playback)) -> Result<Go, Error> {
        let mut saved = self.saved.lock().await;
        loop {
            let mut playback = saved.playback.clone();
            let before = playback.state;
            change(&mut playback);
            if !before.is_running() {
                playback.state = before;
                playback.ended = saved.playback.ended;
            }
            if before == State::Replaying {
                playback.sending_ms += saved.counted.elapsed().as_millis() as u64;
            }
            playback.heard = now();
            let store = &self.player.store;
            match save(store, &playback, saved.revision).await? {
                Written::Done => {
                    let go = match before.is_running() {
                        true => Go::On,
                        false => Go::Stopped,
                    };
                    saved.playback = playback;
                    saved.revision += 1;
                    saved.counted = Instant::now();
                    return Ok(go);
                }
                Written::Stale => {
                    let Some((now, revision)) = load(store, &playback.id).await? else {
                        let what = format!("playback {}", playback.id);
                        return Err(Error::damaged(what, "its record is gone"));
                    };
                    saved.playback = now;
                    saved.revision = revision;
                    if saved.playback.player.as_ref() != Some(&self.name) {
                        tracing::info!(id = saved.playback.id, "taken over");
                        return Ok(Go::Stopped);
                    }
                }
            }
        }
    }

    /// Gives up: says why, and drops what was built.
    pub(super) async fn fail(&self, reason: String) -> Result<(), Error> {
        tracing::error!(id = self.replay.id, reason, "playback failed");
        self.save(|playback| {
            playback.state = State::Failed;
            playback.reason = Some(reason.clone());
            playback.ended = Some(now());
        })
        .await?;
        let state = self.saved.lock().await.playback.state;
        if state == State::Failed {
            let to = self.replay.to.as_slice();
            self.player.abandon(&self.request, to).await?;
        }
        Ok(())
    }
}

impl std::fmt::Display for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Replaying => "replaying",
            Self::CatchingUp => "catching up",
            Self::Paused => "paused",
            Self::CaughtUp => "caught up",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        })
    }
}

fn not_now(id: &str, state: State, why: &str) -> Problem {
    Problem::new(409, "not-now", format!("playback {id} is {state}: {why}"))
}

/// A refused change of generations as a problem of this kind.
fn changed(outcome: Result<(), ChangeError>, kind: &str) -> Result<(), PlayError> {
    outcome.map_err(|error| match error {
        ChangeError::Refused(why) => Problem::new(409, kind, why).into(),
        ChangeError::Service(error) => error.into(),
    })
}

/// A saved playback, with the revision under which it was read.
///
/// # Errors
///
/// When DynamoDB fails or the record is damaged.
pub async fn load(store: &DataStore, id: &str) -> Result<Option<(Playback, u64)>, Error> {
    let Some(row) = store.get(&key(id)).await? else {
        return Ok(None);
    };
    let state = row.state.unwrap_or_default();
    let playback = serde_json::from_value(state);
    let playback = playback.map_err(|error| Error::damaged(format!("playback {id}"), error))?;
    Ok(Some((playback, row.revision)))
}

/// One page of saved playbacks, and where the next one begins.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn list(
    store: &DataStore,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<Playback>, Option<String>), Error> {
    let (items, next) = store.list(PARTITION, "", after, limit).await?;
    let playbacks = items.into_iter().map(|item| {
        let (key, row) = data_store::row(item)?;
        let state = row.state.unwrap_or_default();
        serde_json::from_value(state).map_err(|error| Error::damaged(key.sk, error))
    });
    Ok((playbacks.collect::<Result<_, _>>()?, next))
}

async fn save(store: &DataStore, playback: &Playback, seen: u64) -> Result<Written, Error> {
    store
        .put(&key(&playback.id), &record(playback)?, seen)
        .await
}

pub(super) fn record(playback: &Playback) -> Result<Row, Error> {
    let state = serde_json::to_value(playback);
    let state = state.map_err(|error| Error::damaged(&playback.id, error))?;
    Ok(Row {
        state: Some(state),
        ..Row::default()
    })
}

pub(super) fn key(id: &str) -> Key {
    Key {
        pk: PARTITION.into(),
        sk: id.into(),
    }
}
