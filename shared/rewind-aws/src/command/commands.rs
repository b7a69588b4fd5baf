//! Commands at work.
//!
//! A decision stands right behind the head that it was made on: a commit is
//! only inserted, so one that follows a stale head fails, and the command is
//! decided again. A command with a key claims its outcome in the same
//! transaction, whether that is events or a rejection. So it has one outcome,
//! for ever, whoever repeats it and wherever a process died.

pub use super::{
    answer::{Answer, Failure},
    load::{Loaded, SNAPSHOT_EVERY},
};

use super::{assemble, assemble::Assembled, load::Loader, outcome};
use crate::{
    Error,
    append::recorder::Recorder,
    aws::{producer::Stream, retry},
    data_table::data_store::DataStore,
    event_table::event_store::{EventStore, Place, Together},
};
use lru::LruCache;
use rewind::{
    Commit, Decided, Decider, Service, StreamName,
    command::{Command, Refusal},
};
use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How often a command is decided again because others were faster, or a call
/// failed.
const MAX_ATTEMPTS: u32 = 25;

/// How many aggregates a process remembers.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(500).expect("it is not 0");

/// Decides about commands.
#[derive(Debug)]
pub struct Commands {
    service: Service,
    recorder: Recorder,
    loader: Loader,
    /// What was loaded last. It may be stale: what is behind it is read.
    warm: Mutex<LruCache<StreamName, Loaded>>,
}

/// A command that was received: decided, or not yet.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// It has its outcome.
    Decided(Answer),
    /// It waits to be decided.
    Waits,
}

/// One attempt at a command.
enum Attempt {
    Done(Answer),
    /// Others were faster.
    Again,
    /// A call failed.
    Failed(String),
}

/// What a command comes to.
enum Planned {
    /// These commits, behind an aggregate as it was loaded.
    Commits(Vec<Commit>, Loaded),
    /// The aggregate refuses, or a value is taken.
    Rejected(Refusal),
    /// A stream does not stand where it was expected.
    NotThere(Answer),
}

/// Where earlier attempts at a command have inserted, without a clear answer.
#[derive(Debug, Default)]
struct Tried(Vec<Vec<Place>>);

impl Tried {
    fn is_any(&self) -> bool {
        !self.0.is_empty()
    }
}

impl Commands {
    /// A decider on both tables, which publishes on the stream `events`.
    pub fn new(service: Service, events: EventStore, store: DataStore, published: Stream) -> Self {
        Self {
            service,
            recorder: Recorder::new(events.clone(), store.clone(), published),
            loader: Loader { events, store },
            warm: Mutex::new(LruCache::new(REMEMBERED)),
        }
    }

    /// What is registered.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// The events table.
    pub fn events(&self) -> &EventStore {
        &self.loader.events
    }

    /// The data store.
    pub fn store(&self) -> &DataStore {
        &self.loader.store
    }

    /// What records for these commands.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// An aggregate as it stands, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails, or an event cannot be folded.
    pub async fn load(&self, decider: &Decider, stream: &StreamName) -> Result<Loaded, Failure> {
        let known = self.warm().pop(stream);
        let loaded = self.loader.load(decider, stream, known).await?;
        self.warm().put(stream.clone(), loaded.clone());
        Ok(loaded)
    }

    /// What is known of the command of a key; `None` where nobody has sent it.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an item is damaged.
    pub async fn known(&self, id: &str) -> Result<Option<Known>, Failure> {
        let events = &self.loader.events;
        if let Some(claim) = events.outcome(&Command::outcome_identity(id)).await? {
            return Ok(Some(match outcome::of_claim(events, id, &claim).await? {
                Answer::OnTheWay => Known::Waits,
                answer => Known::Decided(answer),
            }));
        }
        let own = Command::stream_of(id).map_err(|bad| Failure::Broken(bad.into()))?;
        let head = events.head(&own).await?;
        Ok((head.version > 0).then_some(Known::Waits))
    }

    /// What is known of a command with a key, which somebody sends to be decided
    /// later: `None` where it is new. [`Answer::KeyReused`] where another command
    /// with its key is decided, or waits.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an item is damaged.
    pub async fn known_as(&self, command: &Command) -> Result<Option<Known>, Failure> {
        match self.outcome(command).await? {
            Some(Answer::OnTheWay) => return Ok(Some(Known::Waits)),
            Some(answer) => return Ok(Some(Known::Decided(answer))),
            None => {}
        }
        let own = command.own_stream();
        let own = own.map_err(|bad| Failure::Broken(bad.into()))?;
        let first = self.loader.events.event(&own, 1).await?;
        let waits = first.as_ref().map(Command::of).transpose();
        let waits = waits.map_err(Failure::Broken)?.flatten();
        let Some(waits) = waits else {
            return Ok(None);
        };
        let is_same = outcome::fingerprint(&waits)? == outcome::fingerprint(command)?;
        Ok(Some(match is_same {
            true => Known::Waits,
            false => Known::Decided(Answer::KeyReused),
        }))
    }

    /// Decides about a command that was checked ([`Decider::check`]), and
    /// records and publishes what follows.
    ///
    /// # Errors
    ///
    /// A [`Failure`] where there is no answer: the command may be sent again
    /// with its key.
    pub async fn decide(&self, decider: &Decider, command: &Command) -> Result<Answer, Failure> {
        let mut tried = Tried::default();
        let mut failures = 0;
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt(decider, command, &mut tried).await {
                Ok(Attempt::Done(answer)) => return Ok(answer),
                Ok(Attempt::Again) => {}
                Ok(Attempt::Failed(reason)) => {
                    failures += 1;
                    if failures >= retry::ATTEMPTS {
                        let operation = "recording a decision";
                        return Err(Error::Service { operation, reason }.into());
                    }
                    retry::wait(failures).await;
                }
                Err(Failure::Aws(error)) => return Err(error.into()),
                // What cannot be decided now may have been decided before.
                Err(failure) => {
                    return match self.outcome(command).await? {
                        Some(known) => Ok(known),
                        None => Err(failure),
                    };
                }
            }
        }
        Err(Error::Contended {
            what: format!("the stream {}", command.stream),
            attempts: MAX_ATTEMPTS,
        }
        .into())
    }

    /// Records that a command which waits cannot be decided as it was sent.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide).
    pub async fn refuse(&self, command: &Command, refusal: Refusal) -> Result<Answer, Failure> {
        let mut tried = Tried::default();
        for attempt in 1..retry::ATTEMPTS {
            // It may have come before, and its reader died behind that.
            if let Some(known) = self.outcome(command).await? {
                return Ok(known);
            }
            let refusal = refusal.clone();
            if let Attempt::Done(answer) = self.reject(command, refusal, &mut tried).await? {
                return Ok(answer);
            }
            retry::wait(attempt).await;
        }
        let what = format!("the command {}", command.id);
        let attempts = retry::ATTEMPTS;
        Err(Error::Contended { what, attempts }.into())
    }

    async fn attempt(
        &self,
        decider: &Decider,
        command: &Command,
        tried: &mut Tried,
    ) -> Result<Attempt, Failure> {
        let planned = self.plan(decider, command, tried.is_any()).await;
        // Only now: what an earlier attempt has inserted may have come since, and
        // then the plan follows it.
        if let Some(answer) = self.found(command, tried).await? {
            return Ok(Attempt::Done(answer));
        }
        match planned? {
            // The command itself may be what moved the stream.
            Planned::NotThere(answer) => {
                let known = self.outcome(command).await?;
                Ok(Attempt::Done(known.unwrap_or(answer)))
            }
            Planned::Rejected(refusal) => self.reject(command, refusal, tried).await,
            Planned::Commits(commits, mut loaded) => {
                let attempt = self.record(command, commits, tried).await?;
                if let Attempt::Done(Answer::Applied(recorded)) = &attempt {
                    self.go_on(decider, &mut loaded, recorded, command).await;
                }
                Ok(attempt)
            }
        }
    }

    /// What a command comes to as the streams stand. `looks` says that an attempt
    /// may have recorded an outcome in the command's own stream.
    async fn plan(
        &self,
        decider: &Decider,
        command: &Command,
        looks: bool,
    ) -> Result<Planned, Failure> {
        let loaded = self.load(decider, &command.stream).await?;
        let actual = loaded.head.version;
        if let Some(expected) = command.expected.filter(|expected| *expected != actual) {
            let stream = command.stream.clone();
            return Ok(Planned::NotThere(Answer::NotThere {
                stream,
                expected,
                actual,
            }));
        }
        let decided = decider.decide(&loaded.state, command);
        let plan = match decided.map_err(Failure::Broken)? {
            Decided::Rejected(refusal) => return Ok(Planned::Rejected(refusal)),
            Decided::Accepted(plan) => plan,
        };
        let events = &self.loader.events;
        let assembled =
            assemble::commits(events, command, &plan, loaded.head.clone(), looks).await?;
        Ok(match assembled {
            Assembled::Taken(refusal) => Planned::Rejected(refusal),
            Assembled::NotThere(answer) => Planned::NotThere(answer),
            Assembled::Commits(commits) => Planned::Commits(commits, loaded),
        })
    }

    /// A rejection of a command with a key is an outcome, so it is recorded.
    async fn reject(
        &self,
        command: &Command,
        refusal: Refusal,
        tried: &mut Tried,
    ) -> Result<Attempt, Failure> {
        if !command.is_keyed {
            return Ok(Attempt::Done(Answer::Rejected(refusal)));
        }
        let events = &self.loader.events;
        let commits = assemble::outcome(events, command, Some(refusal), tried.is_any()).await?;
        self.record(command, commits, tried).await
    }

    /// Records an outcome, publishes it, and answers with it.
    async fn record(
        &self,
        command: &Command,
        mut commits: Vec<Commit>,
        tried: &mut Tried,
    ) -> Result<Attempt, Failure> {
        if commits.is_empty() {
            return Ok(Attempt::Done(Answer::Applied(Vec::new())));
        }
        let claim = match command.is_keyed {
            true => Some(outcome::claim(command, &commits)?),
            false => None,
        };
        let appended = self.recorder.record(&mut commits, claim.as_ref()).await?;
        if appended != Together::Done {
            tried.0.push(outcome::places(&commits));
        }
        match appended {
            Together::Done => Ok(Attempt::Done(outcome::of_commits(&commits)?)),
            Together::Refused(why) => Err(Failure::Broken(rewind::Rejection::new(why))),
            Together::Failed(why) => Ok(Attempt::Failed(why)),
            Together::Taken => Ok(Attempt::Again),
        }
    }

    /// What an earlier attempt has recorded, though it looked otherwise: its
    /// answer may have been lost, or come late.
    ///
    /// Without a key there is no claim to ask. But an attempt inserts behind
    /// the head that it knows. So either it stands there, or something else
    /// does, or the next attempt inserts at the same place: only one of them can.
    /// This holds where the heads of the next attempt were read before: a place
    /// that is free now was free then.
    async fn found(&self, command: &Command, tried: &Tried) -> Result<Option<Answer>, Failure> {
        if tried.is_any() && command.is_keyed {
            return self.outcome(command).await;
        }
        let events = &self.loader.events;
        for places in &tried.0 {
            let Some(first) = places.first() else {
                continue;
            };
            let found = events.event(&first.stream, first.version).await?;
            if found.is_some_and(|found| command.is_of(&found.event)) {
                return Ok(Some(outcome::of_places(events, places).await?));
            }
        }
        Ok(None)
    }

    /// The outcome that a command with this key has already.
    async fn outcome(&self, command: &Command) -> Result<Option<Answer>, Failure> {
        if !command.is_keyed {
            return Ok(None);
        }
        let events = &self.loader.events;
        let identity = Command::outcome_identity(&command.id);
        let Some(claim) = events.outcome(&identity).await? else {
            return Ok(None);
        };
        let is_of = match &claim.command {
            Some(known) => *known == outcome::fingerprint(command)?,
            // Imported: what was asked is not known here, but of whom.
            None => outcome::may_be_of(command, &claim),
        };
        match is_of {
            true => {
                let answer = outcome::of_claim(events, &command.id, &claim).await?;
                Ok(Some(answer))
            }
            false => Ok(Some(Answer::KeyReused)),
        }
    }

    /// What was decided is the state that the next command begins with.
    async fn go_on(
        &self,
        decider: &Decider,
        loaded: &mut Loaded,
        recorded: &[rewind::RecordedEvent],
        command: &Command,
    ) {
        let own = recorded.iter();
        let own = own.filter(|event| *event.stream() == command.stream);
        for event in own {
            if event.version != loaded.head.version + 1
                || decider.evolve(&mut loaded.state, event).is_err()
            {
                self.warm().pop(&command.stream);
                return;
            }
            loaded.head.version = event.version;
            loaded.head.position = event.position;
        }
        self.loader.keep(decider, &command.stream, loaded).await;
        self.warm().put(command.stream.clone(), loaded.clone());
    }

    fn warm(&self) -> MutexGuard<'_, LruCache<StreamName, Loaded>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
