//! A playback at work: what is saved of it, and whether it goes on.

use super::{
    abandon::abandon,
    failing::Failure,
    pace::Pacer,
    player::{PlayError, Player},
    progress::{self, Progress, Sent},
    record::{self, PLAYBACKS, Playback},
    request::Request,
    sending::Sending,
    state::State,
};
use crate::{
    Error,
    aws::clock,
    data_table::{record::Versioned, row::Written},
};
use rewind::Replay;
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, MutexGuard};

/// How often the record says that the playback is alive. While it waits, this
/// is also how often it looks whether the operator has stopped it.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(1);

/// A playback at work: what is saved, and what is not.
pub(super) struct Playing<'a> {
    pub player: &'a Player,
    pub replay: Replay,
    pub request: Request,
    pub until: u64,
    pub pacer: Pacer,
    /// What this invocation has sent.
    pub sending: &'a Sending,
    /// The invocation's name.
    name: String,
    deadline: Instant,
    record: Mutex<Saved>,
    /// The partitions' progress as it is stored.
    progress: Mutex<BTreeMap<String, Versioned<Progress>>>,
    /// Whether a partition has ended early, so that the others do as well.
    is_ending: AtomicBool,
    /// Whether this invocation has got further in a partition.
    has_advanced: AtomicBool,
}

struct Saved {
    playback: Playback,
    revision: u64,
    /// When it was written. `sending_ms` is counted from here.
    written: Instant,
}

/// Whether a playback goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// It goes on.
    On,
    /// The deadline is near.
    OutOfTime,
    /// The operator has stopped it, it is over, or another invocation plays it.
    Stopped,
}

impl<'a> Playing<'a> {
    /// Takes a playback over: from now on this invocation plays it.
    pub async fn begin(
        player: &'a Player,
        id: &str,
        deadline: Instant,
        sending: &'a Sending,
    ) -> Result<Self, PlayError> {
        let name = clock::id();
        let Versioned { value, revision } =
            record::change::<PlayError>(&player.store, id, |playback| {
                playback.player = Some(name.clone());
                Ok(())
            })
            .await?;
        Ok(Self {
            player,
            replay: value.replay(),
            request: value.request.clone(),
            until: value.until,
            pacer: Pacer::new(value.request.rate),
            sending,
            name,
            deadline,
            record: Mutex::new(Saved {
                playback: value,
                revision,
                written: Instant::now(),
            }),
            progress: Mutex::default(),
            is_ending: AtomicBool::new(false),
            has_advanced: AtomicBool::new(false),
        })
    }

    /// The playback as it is saved.
    pub async fn playback(&self) -> Playback {
        let mut playback = self.record.lock().await.playback.clone();
        if playback.prepared {
            playback.partitions = self.partitions().await;
        }
        playback
    }

    /// What the playback is doing.
    pub async fn state(&self) -> State {
        self.record.lock().await.playback.state
    }

    /// How far it is in each partition.
    pub async fn partitions(&self) -> BTreeMap<String, Progress> {
        let progress = self.progress.lock().await;
        let progress = progress.iter();
        progress
            .map(|(name, part)| (name.clone(), part.value.clone()))
            .collect()
    }

    /// What was sent in all.
    pub async fn sent(&self) -> Sent {
        let progress = self.progress.lock().await;
        progress.values().map(|part| part.value.sent).sum()
    }

    /// Whether there is time for another page before the deadline.
    pub fn has_time(&self) -> bool {
        Instant::now() < self.deadline && !self.is_ending.load(Ordering::Relaxed)
    }

    /// Lets all partitions end after the page that they are at.
    pub fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// Changes the record. Where the operator has paused or cancelled the
    /// playback meanwhile, its state stays and the playback stops. Where another
    /// invocation has taken it over, nothing is written and this one stops.
    pub async fn save(&self, change: impl Fn(&mut Playback)) -> Result<Go, Error> {
        let mut saved = self.record.lock().await;
        loop {
            let mut playback = saved.playback.clone();
            let before = playback.state;
            change(&mut playback);
            let has_advanced = self.has_advanced.load(Ordering::Relaxed);
            let gets_further = has_advanced || playback != saved.playback;
            if gets_further && playback.failing == saved.playback.failing {
                playback.failing = None;
            }
            if !before.is_running() {
                playback.state = before;
                playback.ended = saved.playback.ended;
            }
            if before == State::Replaying {
                playback.sending_ms += saved.written.elapsed().as_millis() as u64;
            }
            playback.heard = clock::now();
            let store = &self.player.store;
            let written = PLAYBACKS.save(store, &playback.id, &playback, saved.revision);
            if written.await? == Written::Done {
                *saved = Saved {
                    playback,
                    revision: saved.revision + 1,
                    written: Instant::now(),
                };
                return Ok(match before.is_running() {
                    true => Go::On,
                    false => Go::Stopped,
                });
            }
            if !self.reload(&mut saved).await? {
                return Ok(Go::Stopped);
            }
        }
    }

    /// Says once in a while that the playback is alive, and changes its record
    /// with it. In between it says that the playback goes on.
    pub async fn beat(&self, change: impl Fn(&mut Playback)) -> Result<Go, Error> {
        let since = self.record.lock().await.written.elapsed();
        if since <= HEARTBEAT {
            return Ok(Go::On);
        }
        self.save(change).await
    }

    /// Whether the operator or another invocation has stopped it, by now.
    pub async fn look(&self) -> Result<Go, Error> {
        let mut saved = self.record.lock().await;
        if saved.written.elapsed() > HEARTBEAT {
            drop(saved);
            return self.save(|_| {}).await;
        }
        let is_mine = self.reload(&mut saved).await?;
        Ok(match is_mine && saved.playback.state.is_running() {
            true => Go::On,
            false => Go::Stopped,
        })
    }

    /// Reads the record again. Says whether this invocation still plays it.
    async fn reload(&self, saved: &mut MutexGuard<'_, Saved>) -> Result<bool, Error> {
        let id = &self.replay.id;
        let Some(Versioned { value, revision }) = record::read(&self.player.store, id).await?
        else {
            let what = format!("playback {id}");
            return Err(Error::damaged(what, "its record is gone"));
        };
        saved.playback = value;
        saved.revision = revision;
        let is_mine = saved.playback.player.as_ref() == Some(&self.name);
        if !is_mine {
            tracing::info!(id, "taken over");
        }
        Ok(is_mine)
    }

    /// Saves how far a partition is, after a page that Kinesis has acknowledged.
    /// Returns the progress to go on from: that of another invocation where one
    /// has saved more in between.
    pub async fn advance(&self, partition: &str, mine: Progress) -> Result<(Go, Progress), Error> {
        let (store, id) = (&self.player.store, &self.replay.id);
        let records = progress::of(id);
        let seen = self.revision(partition).await;
        let written = records.save(store, partition, &mine, seen).await?;
        let stored = match written {
            Written::Done => {
                self.has_advanced.store(true, Ordering::Relaxed);
                Some(Versioned {
                    value: mine.clone(),
                    revision: seen + 1,
                })
            }
            Written::Stale => records.load(store, partition).await?,
        };
        let go = self.look().await?;
        let Some(stored) = stored else {
            // Whoever has ended the playback has deleted its progress.
            return match go {
                Go::On => {
                    let what = format!("partition {partition} of playback {id}");
                    Err(Error::damaged(what, "its progress is gone"))
                }
                go => Ok((go, mine)),
            };
        };
        let value = stored.value.clone();
        let mut progress = self.progress.lock().await;
        progress.insert(partition.to_string(), stored);
        Ok((go, value))
    }

    async fn revision(&self, partition: &str) -> u64 {
        let progress = self.progress.lock().await;
        progress.get(partition).map_or(0, |part| part.revision)
    }

    /// Reads the stored progress of all partitions.
    pub async fn read_progress(&self) -> Result<(), Error> {
        let records = progress::of(&self.replay.id);
        let all = records.all(&self.player.store, "").await?;
        *self.progress.lock().await = all.into_iter().collect();
        Ok(())
    }

    /// Says why this invocation fails. The next one goes on.
    pub async fn note_failure(&self, error: &Error) {
        let noted = self.save(|playback| {
            let before = playback.failing.as_ref();
            playback.failing = Some(Failure::again(before, error));
        });
        if let Err(noted) = noted.await {
            tracing::warn!(id = self.replay.id, error = %noted, "not said why the playback fails");
        }
    }

    /// Gives up: says why, and drops what was built.
    pub async fn fail(&self, reason: String) -> Result<(), Error> {
        tracing::error!(id = self.replay.id, reason, "playback failed");
        self.save(|playback| {
            playback.end(State::Failed);
            playback.reason = Some(reason.clone());
        })
        .await?;
        if self.state().await == State::Failed {
            let (store, to) = (&self.player.store, self.replay.to.as_slice());
            abandon(store, &self.request, to).await?;
        }
        Ok(())
    }
}
