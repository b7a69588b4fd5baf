//! Journals: instances are loaded from them, and what happens is added to them.

use crate::{
    Error,
    append::recorder::Recorder,
    aws::{clock::micros, retry},
    event_table::event_store::{OutcomeClaim, Place, Together},
    history::resolve::reversals,
};
use lru::LruCache;
use rewind::{
    CloudEvent, Head, Instance, Mode, RecordedEvent, Rejection, Runner, StreamName, commit,
    reversal::{Effect, Reversal},
};
use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How often an event is taken again because others were faster.
const MAX_ATTEMPTS: u32 = 25;

/// How many instances a process of Lambda remembers.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(500).expect("it is not 0");

/// The journals of all processes.
#[derive(Debug)]
pub struct Journals {
    recorder: Recorder,
    /// What was loaded last. It may be stale: what is behind it is read.
    warm: Mutex<LruCache<StreamName, Loaded>>,
}

/// An instance as it stands.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its state and its deadlines.
    pub instance: Instance,
    /// Where its journal stands.
    pub head: Head,
}

/// Why something is not added to a journal.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A service did not do its part.
    #[error(transparent)]
    Aws(#[from] Error),
    /// The process refuses it, or its journal cannot be folded.
    #[error("{0}")]
    Refused(Rejection),
}

impl From<Rejection> for Failure {
    fn from(why: Rejection) -> Self {
        Self::Refused(why)
    }
}

/// Whether a run was added.
enum Added {
    /// It was, or another one that follows from the same.
    Yes,
    /// Others were faster: what follows now may be something else.
    No,
}

impl Journals {
    /// Journals that are written through this recorder.
    pub fn new(recorder: Recorder) -> Self {
        Self {
            recorder,
            warm: Mutex::new(LruCache::new(REMEMBERED)),
        }
    }

    /// An instance as it stands, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails, or the journal cannot be folded.
    pub async fn load(&self, runner: &Runner, journal: &StreamName) -> Result<Loaded, Failure> {
        let known = self.warm().pop(journal);
        let mut loaded = known.unwrap_or_else(|| Loaded {
            instance: runner.begin(journal),
            head: Head::default(),
        });
        loop {
            let events = &self.recorder.events;
            let page = events.behind(journal, loaded.head.version).await?;
            for commit in &page.commits {
                let events = commit.events().map_err(Error::from)?;
                if events.iter().any(|event| runner.needs_whole(event)) {
                    return self.whole(runner, journal).await;
                }
                for event in &events {
                    runner.evolve(&mut loaded.instance, event)?;
                }
                loaded.head = commit.head();
            }
            if !page.has_more {
                self.warm().put(journal.clone(), loaded.clone());
                return Ok(loaded);
            }
        }
    }

    /// An instance from whose journal something was taken back.
    async fn whole(&self, runner: &Runner, journal: &StreamName) -> Result<Loaded, Failure> {
        let (events, head) = self.read(journal).await?;
        let instance = runner.load(journal, &events)?;
        let loaded = Loaded { instance, head };
        self.warm().put(journal.clone(), loaded.clone());
        Ok(loaded)
    }

    async fn read(&self, journal: &StreamName) -> Result<(Vec<RecordedEvent>, Head), Error> {
        let mut all = Vec::new();
        let mut head = Head::default();
        loop {
            let page = self.recorder.events.behind(journal, head.version).await?;
            for commit in &page.commits {
                all.extend(commit.events()?);
                head = commit.head();
            }
            if !page.has_more {
                return Ok((all, head));
            }
        }
    }

    /// Takes an event that the process watches, once: what follows from it is
    /// added to the journal of the instance that it is about. A reversal takes
    /// back what was taken, or restores it. `mode` says whether it may call.
    ///
    /// # Errors
    ///
    /// When a service fails, or the process refuses the event.
    pub async fn take(
        &self,
        runner: &Runner,
        event: &RecordedEvent,
        mode: Mode,
    ) -> Result<(), Failure> {
        match Reversal::of(event)? {
            Some(_) => self.follow(runner, event, mode).await,
            None if Reversal::is_one(event) => Ok(()),
            None => self.add(runner, event, mode).await,
        }
    }

    async fn add(&self, runner: &Runner, event: &RecordedEvent, mode: Mode) -> Result<(), Failure> {
        let Some(journal) = runner.key(event)? else {
            return Ok(());
        };
        let identity = runner.taken_identity(event);
        for attempt in 0..MAX_ATTEMPTS {
            let loaded = self.load(runner, &journal).await?;
            let run = match runner.take(&loaded.instance, event, mode) {
                Ok(run) => run,
                // What it does not take now it may have taken before.
                Err(_) if self.stands(&identity).await? => return Ok(()),
                Err(why) => return Err(why.into()),
            };
            if run.is_empty() {
                return Ok(());
            }
            if let Added::Yes = self.record(runner, loaded, &run, attempt).await? {
                return Ok(());
            }
        }
        Err(contended(&journal).into())
    }

    /// Follows a reversal in a stream that the process watches, where that is
    /// what counts in the end: a rebuild is told of old reversals again.
    async fn follow(
        &self,
        runner: &Runner,
        reversal: &RecordedEvent,
        mode: Mode,
    ) -> Result<(), Failure> {
        let events = &self.recorder.events;
        let (stream, version) = (reversal.stream(), reversal.version);
        let reversals = reversals(events, stream, 0, u64::MAX).await?;
        let Some(effect) = reversals.lasting_effect(version) else {
            return Ok(());
        };
        let root = events.event(stream, effect.root()).await?;
        let root = root.ok_or_else(|| {
            let what = format!("{stream}@{}", effect.root());
            Error::damaged(what, "a reversal leads to it, the table does not hold it")
        })?;
        let Some(journal) = runner.key(&root)? else {
            return Ok(());
        };
        for attempt in 0..MAX_ATTEMPTS {
            let (all, head) = self.read(&journal).await?;
            let correction = runner.take_back(&journal, &all, reversal, effect)?;
            let Some(correction) = correction else {
                return match effect {
                    // It was not taken before: it is now.
                    Effect::Restored(_) => self.add(runner, &root, mode).await,
                    Effect::TakenBack(_) | Effect::Nothing(_) => Ok(()),
                };
            };
            let instance = runner.load(&journal, &all)?;
            let loaded = Loaded { instance, head };
            if let Added::Yes = self.record(runner, loaded, &[correction], attempt).await? {
                return Ok(());
            }
        }
        Err(contended(&journal).into())
    }

    /// Fires a deadline that was set at this version of a journal, once. Says
    /// whether it was open. The process began at the position `since`.
    ///
    /// # Errors
    ///
    /// When a service fails, or the process refuses it.
    pub async fn fire(
        &self,
        runner: &Runner,
        journal: &StreamName,
        (name, set): (&str, u64),
        since: u64,
    ) -> Result<bool, Failure> {
        for attempt in 0..MAX_ATTEMPTS {
            let loaded = self.load(runner, journal).await?;
            let Some(run) = runner.fire(&loaded.instance, name, set, since)? else {
                return Ok(false);
            };
            if let Added::Yes = self.record(runner, loaded, &run, attempt).await? {
                return Ok(true);
            }
        }
        Err(contended(journal).into())
    }

    /// Adds a run of events behind the head that it follows. Its first event
    /// has the identity of what it follows from, which is claimed with it.
    async fn record(
        &self,
        runner: &Runner,
        mut loaded: Loaded,
        run: &[CloudEvent],
        attempt: u32,
    ) -> Result<Added, Failure> {
        let Some(first) = run.first() else {
            return Ok(Added::Yes);
        };
        let journal = &first.stream;
        let events: Vec<&CloudEvent> = run.iter().collect();
        let mut commits = commit::plan(loaded.head.clone(), &events, micros());
        let places = commits.iter().map(|commit| Place {
            stream: journal.clone(),
            version: commit.version,
        });
        let claim = OutcomeClaim {
            identity: first.identity(),
            fingerprint: first.fingerprint(),
            command: None,
            commits: places.collect(),
        };
        match self.recorder.record(&mut commits, Some(&claim)).await? {
            Together::Done => {
                self.go_on(runner, &mut loaded, &commits, journal);
                Ok(Added::Yes)
            }
            Together::Refused(why) => Err(Rejection::new(why).into()),
            Together::Taken | Together::Failed(_) if self.stands(&claim.identity).await? => {
                Ok(Added::Yes)
            }
            Together::Taken => Ok(Added::No),
            Together::Failed(reason) if attempt >= retry::ATTEMPTS => {
                let operation = "recording a run of a journal";
                Err(Error::Service { operation, reason }.into())
            }
            Together::Failed(_) => {
                retry::wait(attempt + 1).await;
                Ok(Added::No)
            }
        }
    }

    fn go_on(
        &self,
        runner: &Runner,
        loaded: &mut Loaded,
        commits: &[rewind::Commit],
        journal: &StreamName,
    ) {
        for commit in commits {
            let events = commit.events().unwrap_or_default();
            let mut steps = events.iter();
            if steps.any(|event| runner.evolve(&mut loaded.instance, event).is_err()) {
                // It has to be folded anew.
                self.warm().pop(journal);
                return;
            }
            loaded.head = commit.head();
        }
        self.warm().put(journal.clone(), loaded.clone());
    }

    /// Whether something was added that follows from the same.
    async fn stands(&self, identity: &str) -> Result<bool, Error> {
        let claim = self.recorder.events.outcome(identity).await?;
        Ok(claim.is_some())
    }

    fn warm(&self) -> MutexGuard<'_, LruCache<StreamName, Loaded>> {
        self.warm.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn contended(journal: &StreamName) -> Error {
    Error::Contended {
        what: format!("the journal {journal}"),
        attempts: MAX_ATTEMPTS,
    }
}
