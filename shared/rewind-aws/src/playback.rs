//! Playback: streams recorded events back through the replay stream.
//!
//! A rebuild opens a new generation of each projection asked for (live events
//! reach it from then on), sends what the events table holds, checks that
//! every row has caught up with its stream, and only then lets readers see it.
//! What it has done is saved after each acknowledged page: a playback that
//! dies goes on from there.

mod caught_up;
mod replay;

use crate::{
    Error,
    data_store::{self, DataStore, Key, Row, Written},
    event_store::EventStore,
    generations::{self, ChangeError, Generations},
    given::now,
    put::Stream,
};
use jiff::Timestamp;
use rewind::{
    Problem, Projection, Replay, Service, Target,
    stream::{SLICES, slice_name},
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, time::Instant};

/// The partition of the operator's records about playbacks.
const PARTITION: &str = "rewind#playbacks";

/// Slices that are read at once.
const PARALLEL_SLICES: usize = 4;

/// Commits in one page.
const PAGE: i32 = 100;

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What is to be rebuilt.
    pub to: Vec<Destination>,
    /// Who lets readers see it.
    #[serde(default)]
    pub activate: Activation,
}

/// Who lets readers see what a playback has built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// The playback, as soon as it has caught up.
    #[default]
    WhenCaughtUp,
    /// The operator, who may look at it first. Live events keep it up to date.
    ByHand,
}

/// Whom a playback is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Destination {
    /// A projection: rebuilt into a new generation.
    pub projection: String,
}

/// A playback and how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playback {
    /// What it is called.
    pub id: String,
    /// What it is doing.
    pub state: State,
    /// What it builds.
    pub targets: Vec<Target>,
    /// Who lets readers see it.
    #[serde(default)]
    pub activate: Activation,
    /// How far it is in each slice of each category's index: the position up
    /// to which all is sent, `None` before the first page.
    pub slices: BTreeMap<String, Slice>,
    /// How many events were sent; repeats after a crash count again.
    pub events: u64,
    /// How many Kinesis records they took.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// When it was asked for, RFC 3339.
    pub started: Timestamp,
    /// When it ended, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it failed, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// How far a playback is in a slice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The position up to which all is sent.
    pub position: u64,
    /// Whether its end was reached.
    pub done: bool,
}

/// What a playback is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Sending what the events table holds.
    Replaying,
    /// Waiting until every row has caught up with its stream.
    CatchingUp,
    /// Everything is there; the operator has to let readers see it.
    CaughtUp,
    /// Readers see the new generations.
    Completed,
    /// Given up; the new generations are abandoned.
    Failed,
}

impl State {
    /// Whether it has come to an end.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// How an invocation of a playback ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// For good.
    Over(Box<Playback>),
    /// In time, before the deadline: it wants another invocation.
    Unfinished(Box<Playback>),
}

/// Runs playbacks.
#[derive(Debug)]
pub struct Player {
    service: Service,
    events: EventStore,
    store: DataStore,
    replay: Stream,
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
struct Run<'a> {
    player: &'a Player,
    replay: Replay,
    saved: tokio::sync::Mutex<Saved>,
    deadline: Instant,
}

struct Saved {
    playback: Playback,
    revision: u64,
}

impl Player {
    /// A player that sends to the stream `replay`.
    pub fn new(service: Service, events: EventStore, store: DataStore, replay: Stream) -> Self {
        Self {
            service,
            events,
            store,
            replay,
        }
    }

    /// Checks a request, opens the generations that it is to build, and saves
    /// the playback under `id`. Nothing is sent yet. Repeating it gives the
    /// same playback.
    ///
    /// # Errors
    ///
    /// A problem that names the field, or a failing service.
    pub async fn create(&self, id: &str, request: &Request) -> Result<Playback, PlayError> {
        let projections = self.projections(request)?;
        if let Some((playback, _)) = load(&self.store, id).await? {
            return same(playback, &projections);
        }
        let mut targets: Vec<Target> = Vec::new();
        for projection in &projections {
            let is_over = async |other: &str| {
                let other = load(&self.store, other).await?;
                Ok(other.is_none_or(|(other, _)| other.state.is_over()))
            };
            match generations::begin(&self.store, projection.name, id, is_over).await {
                Ok(target) => targets.push(target),
                Err(error) => {
                    self.abandon(&targets).await?;
                    return Err(match error {
                        ChangeError::Refused(why) => {
                            Problem::new(409, "rebuild-running", why).into()
                        }
                        ChangeError::Service(error) => error.into(),
                    });
                }
            }
        }
        let mut slices = BTreeMap::new();
        for category in projections
            .iter()
            .flat_map(|projection| projection.categories)
        {
            for slice in 0..SLICES {
                slices.insert(slice_name(category, slice), Slice::default());
            }
        }
        let playback = Playback {
            id: id.to_string(),
            state: State::Replaying,
            targets,
            activate: request.activate,
            slices,
            events: 0,
            records: 0,
            bytes: 0,
            started: now(),
            ended: None,
            reason: None,
        };
        match save(&self.store, &playback, 0).await? {
            Written::Done => Ok(playback),
            // The same request, sent twice at once.
            Written::Stale => match load(&self.store, id).await? {
                Some((playback, _)) => same(playback, &projections),
                None => Ok(playback),
            },
        }
    }

    /// Goes on with a saved playback until it is over, or until shortly before
    /// `deadline`.
    ///
    /// # Errors
    ///
    /// When there is none of this id, or a service fails: what is saved stays,
    /// and another call goes on.
    pub async fn resume(&self, id: &str, deadline: Instant) -> Result<Ended, PlayError> {
        let (playback, revision) = load(&self.store, id)
            .await?
            .ok_or_else(|| Problem::not_found(format!("there is no playback {id}")))?;
        let run = Run {
            player: self,
            replay: Replay {
                id: playback.id.clone(),
                to: playback.targets.clone(),
            },
            saved: tokio::sync::Mutex::new(Saved { playback, revision }),
            deadline,
        };
        loop {
            let state = run.saved.lock().await.playback.state;
            let is_in_time = match state {
                State::Replaying => run.replay().await?,
                State::CatchingUp => run.catch_up().await?,
                State::CaughtUp | State::Completed | State::Failed => {
                    let saved = run.saved.into_inner();
                    return Ok(Ended::Over(Box::new(saved.playback)));
                }
            };
            if !is_in_time {
                let saved = run.saved.into_inner();
                return Ok(Ended::Unfinished(Box::new(saved.playback)));
            }
        }
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
        if self.service.projection(name).is_none() {
            return Err(Problem::not_found(format!("there is no projection {name:?}")).into());
        }
        let refused = |why: String| PlayError::from(Problem::new(409, "not-ready", why));
        let known = generations::of(&self.store, name).await?;
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
            return Err(refused(format!("playback {id} of {target} is {state:?}")));
        }
        match generations::activate(&self.store, target).await {
            Ok(()) => {}
            Err(ChangeError::Refused(why)) => return Err(refused(why)),
            Err(ChangeError::Service(error)) => return Err(error.into()),
        }
        if let Some((mut playback, revision)) = playback {
            // A playback of several projections is over with the last of them.
            let mut is_over = true;
            for other in &playback.targets {
                let known = generations::of(&self.store, &other.projection).await?;
                is_over &= known.building != Some(other.generation);
            }
            if is_over {
                playback.state = State::Completed;
                playback.ended = Some(now());
                save(&self.store, &playback, revision).await?;
            }
        }
        Ok(generations::of(&self.store, name).await?)
    }

    fn projections(&self, request: &Request) -> Result<Vec<&Projection>, Problem> {
        if request.to.is_empty() {
            return Err(Problem::invalid("to", "expected at least one projection"));
        }
        let mut projections: Vec<&Projection> = Vec::new();
        for (nth, destination) in request.to.iter().enumerate() {
            let name = &destination.projection;
            let field = format!("to[{nth}].projection");
            let projection = self.service.projection(name).ok_or_else(|| {
                let known = self.service.projections().iter();
                let known: Vec<&str> = known.map(|projection| projection.name).collect();
                let known = known.join(", ");
                Problem::invalid(
                    &field,
                    format!("no projection is named {name:?}; there are {known}"),
                )
            })?;
            if projections
                .iter()
                .any(|other| other.name == projection.name)
            {
                return Err(Problem::invalid(&field, format!("{name:?} is named twice")));
            }
            projections.push(projection);
        }
        Ok(projections)
    }

    async fn abandon(&self, targets: &[Target]) -> Result<(), Error> {
        for target in targets {
            match generations::abandon(&self.store, target).await {
                Ok(()) => {}
                Err(ChangeError::Refused(why)) => tracing::warn!(%target, why, "not abandoned"),
                Err(ChangeError::Service(error)) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Run<'_> {
    /// Whether there is time for another page before the deadline.
    fn has_time(&self) -> bool {
        Instant::now() < self.deadline
    }

    /// Changes what is saved. Progress is saved by one at a time; a rival
    /// invocation of the same playback makes this one stop.
    async fn save(&self, change: impl FnOnce(&mut Playback)) -> Result<(), Error> {
        let mut saved = self.saved.lock().await;
        let mut playback = saved.playback.clone();
        change(&mut playback);
        match save(&self.player.store, &playback, saved.revision).await? {
            Written::Done => {
                saved.playback = playback;
                saved.revision += 1;
                Ok(())
            }
            Written::Stale => {
                // An earlier write of ours whose answer was lost looks alike.
                let found = load(&self.player.store, &playback.id).await?;
                match found {
                    Some((found, revision)) if found == playback => {
                        *saved = Saved { playback, revision };
                        Ok(())
                    }
                    _ => Err(Error::Contended {
                        what: format!("playback {}", playback.id),
                        attempts: 1,
                    }),
                }
            }
        }
    }

    /// Ends the playback without showing what it built.
    async fn fail(&self, reason: String) -> Result<(), Error> {
        self.player.abandon(&self.replay.to).await?;
        self.save(|playback| {
            playback.state = State::Failed;
            playback.reason = Some(reason);
            playback.ended = Some(now());
        })
        .await
    }
}

/// A playback that is there already, if it is the one that is asked for.
fn same(playback: Playback, projections: &[&Projection]) -> Result<Playback, PlayError> {
    let names = playback.targets.iter().map(|target| &*target.projection);
    if names.eq(projections.iter().map(|projection| projection.name)) {
        return Ok(playback);
    }
    let why = format!("playback {} was asked to build something else", playback.id);
    Err(Problem::new(409, "id-taken", why).into())
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
    let state = serde_json::to_value(playback);
    let state = state.map_err(|error| Error::damaged(&playback.id, error))?;
    let row = Row {
        state: Some(state),
        ..Row::default()
    };
    store.put(&key(&playback.id), &row, seen).await
}

fn key(id: &str) -> Key {
    Key {
        pk: PARTITION.into(),
        sk: id.into(),
    }
}
