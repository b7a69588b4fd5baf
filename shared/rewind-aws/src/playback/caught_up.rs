//! Checking that what was built has caught up: every row's watermark equals
//! its stream's head. Only then do readers see it.

use super::{Activation, PAGE, Run, State};
use crate::{
    Error,
    data_store::Key,
    event_store::Entry,
    generations::{self, ChangeError},
    given::now,
    stalls,
};
use rewind::{Fold, StreamName, Target};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How long the check waits after the generation was opened. Events that were
/// recorded before write knew of it must have reached the index by then
/// (DynamoDB: "within a fraction of a second, under normal conditions").
const INDEX_LAG: Duration = Duration::from_secs(2);

/// How long a row may lag without any progress before the playback gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a lagging row is looked at before it is asked whether it is
/// stalled, and how often before its events are sent again.
const LOOKS: (u32, u32) = (4, 8);

impl Run<'_> {
    /// Checks every slice, then switches, unless the operator wants to. `false` when the deadline came first.
    pub(super) async fn catch_up(&self) -> Result<bool, Error> {
        let (slices, started) = {
            let saved = self.saved.lock().await;
            let names: Vec<String> = saved.playback.slices.keys().cloned().collect();
            (names, saved.playback.started)
        };
        let open_for = now().as_millisecond() - started.as_millisecond();
        let open_for = Duration::from_millis(open_for.max(0) as u64);
        tokio::time::sleep(INDEX_LAG.saturating_sub(open_for)).await;
        for name in slices {
            let mut start = None;
            loop {
                let page = self.player.events.read_index(&name, 0, start, PAGE).await?;
                match self.wait_for(&page.entries).await? {
                    Waited::CaughtUp => {}
                    Waited::OutOfTime => return Ok(false),
                    Waited::Stuck(reason) => {
                        self.fail(reason).await?;
                        return Ok(true);
                    }
                }
                start = page.next;
                if start.is_none() {
                    break;
                }
            }
        }
        if self.saved.lock().await.playback.activate == Activation::ByHand {
            self.save(|playback| playback.state = State::CaughtUp)
                .await?;
            return Ok(true);
        }
        for target in &self.replay.to {
            match generations::activate(&self.player.store, target).await {
                Ok(()) => {}
                Err(ChangeError::Refused(why)) => {
                    self.fail(why).await?;
                    return Ok(true);
                }
                Err(ChangeError::Service(error)) => return Err(error),
            }
        }
        self.save(|playback| {
            playback.state = State::Completed;
            playback.ended = Some(now());
        })
        .await?;
        Ok(true)
    }

    /// Waits until all targets hold these commits. Sends again what seems lost.
    async fn wait_for(&self, entries: &[Entry]) -> Result<Waited, Error> {
        let mut looks = 0;
        let mut last_progress = Instant::now();
        let mut fewest = usize::MAX;
        loop {
            let lagging = self.lagging(entries).await?;
            let Some((target, entry)) = lagging.first() else {
                return Ok(Waited::CaughtUp);
            };
            if !self.has_time() {
                return Ok(Waited::OutOfTime);
            }
            if lagging.len() < fewest {
                fewest = lagging.len();
                last_progress = Instant::now();
            }
            looks += 1;
            if looks % LOOKS.0 == 0
                && let Some(stalled) = self.stalled(&lagging).await?
            {
                return Ok(Waited::Stuck(stalled));
            }
            if looks % LOOKS.1 == 0 {
                let again: Vec<Entry> = lagging.iter().map(|(_, entry)| entry.clone()).collect();
                self.send(&again).await?;
            }
            if last_progress.elapsed() > PATIENCE {
                let (stream, last) = (&entry.stream, entry.version + entry.length - 1);
                return Ok(Waited::Stuck(format!(
                    "{target} does not get to version {last} of {stream}: look at the log of the write function"
                )));
            }
            let pause = 25 << looks.min(5);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Which target lags behind which of these commits: the last of each
    /// stream, as earlier ones are then held as well.
    async fn lagging(&self, entries: &[Entry]) -> Result<Vec<(Target, Entry)>, Error> {
        let mut last: BTreeMap<&StreamName, &Entry> = BTreeMap::new();
        for entry in entries {
            last.insert(&entry.stream, entry);
        }
        let mut lagging = Vec::new();
        for target in &self.replay.to {
            let Some(projection) = self.player.service.projection(&target.projection) else {
                continue;
            };
            let streams: Vec<&StreamName> = last
                .keys()
                .copied()
                .filter(|stream| projection.reads(stream.category()))
                .collect();
            let keys = streams.iter().map(|stream| match projection.fold {
                Fold::SingleStream(_) => Key::row(target, stream.id()),
                Fold::MultiStream { .. } => Key::mark(&target.to_string(), stream.as_str()),
            });
            let keys: Vec<Key> = keys.collect();
            let watermarks = self.player.store.watermarks(&keys).await?;
            for (stream, key) in streams.into_iter().zip(&keys) {
                let entry = last[stream];
                let watermark = watermarks.get(key).copied().unwrap_or_default();
                if watermark < entry.version + entry.length - 1 {
                    lagging.push((target.clone(), entry.clone()));
                }
            }
        }
        Ok(lagging)
    }

    /// Says which of the lagging streams is stalled, and why.
    async fn stalled(&self, lagging: &[(Target, Entry)]) -> Result<Option<String>, Error> {
        for target in &self.replay.to {
            let reader = target.to_string();
            let store = &self.player.store;
            let (stalls, _) = stalls::list(store, Some(&reader), None, 100).await?;
            let stall = stalls.into_iter().find(|stall| {
                let mut streams = lagging.iter().map(|(_, entry)| &entry.stream);
                streams.any(|stream| *stream == stall.stream)
            });
            if let Some(stall) = stall {
                return Ok(Some(format!(
                    "{} is stalled at version {} of {}: {}",
                    stall.reader, stall.version, stall.stream, stall.reason
                )));
            }
        }
        Ok(None)
    }
}

/// How a wait ended.
enum Waited {
    CaughtUp,
    OutOfTime,
    Stuck(String),
}
