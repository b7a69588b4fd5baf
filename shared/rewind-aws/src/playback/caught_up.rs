//! Checking that what was built has caught up: every row's watermark equals
//! its stream's head, or, of a part of history, its last selected event. Only
//! then do readers see it.

use super::{
    playing::{Go, Playing},
    request::Activation,
    state::State,
};
use crate::{
    Error,
    data_table::{key::Key, stall},
    generation::{
        generations::Generations,
        lifecycle::{self, ChangeError},
    },
    history::partition::{self, Cursor, PAGE},
};
use rewind::{Commit, Over, StreamName, Target};
use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

/// How long a row may lag without any progress before the playback gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often a lagging row is looked at before it is asked whether it is
/// stalled, and how often before its events are sent again.
const LOOKS: (u32, u32) = (4, 8);

/// Up to which version the rows of a stream have to be, and the position of
/// the commit that says so.
type Expected = BTreeMap<StreamName, (u64, u64)>;

/// A target that lags behind a stream.
type Lagging = Vec<(Target, StreamName)>;

/// A page of a partition.
struct Checked {
    expected: Expected,
    /// The commits' keys, to send them again.
    keys: Vec<(StreamName, u64)>,
    cursor: Option<Cursor>,
    is_last: bool,
}

impl Playing<'_> {
    /// Checks every partition, then switches, unless the operator wants to.
    pub(super) async fn catch_up(&self) -> Result<Go, Error> {
        let (partitions, checked): (Vec<String>, _) = {
            let playback = self.playback().await;
            let partitions = playback.partitions.into_keys().collect();
            (partitions, playback.checked)
        };
        let mut known: HashMap<String, Generations> = HashMap::new();
        for target in self.replay.targets() {
            let generations = lifecycle::of(&self.player.store, &target.projection).await?;
            known.insert(target.projection.clone(), generations);
        }
        // Live events reach parts of history as little as the check does.
        let is_part = |target: &Target| {
            let known = &known[&target.projection];
            known.parts.contains_key(&target.generation)
        };
        let until = match self.replay.targets().all(is_part) {
            true => self.until,
            false => u64::MAX,
        };
        for partition in partitions {
            let mut cursor: Option<Cursor> = None;
            // Where an invocation before this one has come to.
            match &checked {
                Some((reached, _)) if partition < *reached => continue,
                Some((reached, at)) if partition == *reached => cursor = at.clone(),
                _ => {}
            }
            loop {
                if !self.has_time() {
                    return Ok(Go::OutOfTime);
                }
                let checked = (partition.clone(), cursor.clone());
                let go = self.beat(|playback| playback.checked = Some(checked.clone()));
                if go.await? == Go::Stopped {
                    return Ok(Go::Stopped);
                }
                let page = self.page(&partition, cursor.as_ref(), until).await?;
                match self.wait_for(&known, &partition, &page).await? {
                    Waited::CaughtUp => {}
                    Waited::Not(go) => return Ok(go),
                    Waited::Stuck(reason) => {
                        self.fail(reason).await?;
                        return Ok(Go::Stopped);
                    }
                }
                cursor = page.cursor.or(cursor);
                if page.is_last {
                    break;
                }
            }
        }
        self.switch(&known).await
    }

    /// Lets readers see what is complete, unless the operator wants to do it.
    async fn switch(&self, known: &HashMap<String, Generations>) -> Result<Go, Error> {
        let rebuilt = self.replay.targets().filter(|target| {
            // What another playback is building is that one's to activate.
            let known = &known[&target.projection];
            let is_mine = known.playback.as_ref() == Some(&self.replay.id);
            known.building == Some(target.generation) && is_mine
        });
        let rebuilt: Vec<&Target> = rebuilt.collect();
        if self.request.activate == Activation::ByHand && !rebuilt.is_empty() {
            self.save(|playback| playback.state = State::CaughtUp)
                .await?;
            return Ok(Go::Stopped);
        }
        // A last look at whether the operator has stopped it.
        if self.save(|_| {}).await? == Go::Stopped {
            return Ok(Go::Stopped);
        }
        for target in rebuilt {
            let store = &self.player.store;
            let activated = match self.request.changes && self.player.tells(target) {
                true => lifecycle::activate_telling(store, target).await,
                false => lifecycle::activate(store, target).await,
            };
            match activated {
                Ok(()) => {}
                Err(ChangeError::Refused(why)) => {
                    self.fail(why).await?;
                    return Ok(Go::Stopped);
                }
                Err(ChangeError::Service(error)) => return Err(error),
            }
        }
        self.save(|playback| playback.end(State::Completed)).await?;
        Ok(Go::Stopped)
    }

    /// The next page of a partition, of whatever is recorded by now.
    async fn page(
        &self,
        partition: &str,
        after: Option<&Cursor>,
        until: u64,
    ) -> Result<Checked, Error> {
        let (events, what) = (&self.player.events, &self.request.what);
        let is_slice = StreamName::new(partition).is_err();
        if is_slice && what.is_whole_streams() {
            let page = partition::entries(events, partition, what, after, until, PAGE).await?;
            let (mut expected, mut keys) = (Expected::new(), Vec::new());
            for entry in page.entries {
                let last = (entry.last_version(), entry.position);
                expected.insert(entry.stream.clone(), last);
                keys.push((entry.stream, entry.version));
            }
            return Ok(Checked {
                expected,
                keys,
                cursor: page.cursor,
                is_last: page.is_last,
            });
        }
        let page = partition::page(events, partition, what, after, until, PAGE).await?;
        let mut expected = Expected::new();
        for event in partition::selected(&page.commits, what)? {
            let last = (event.version, event.position);
            expected.insert(event.event.stream, last);
        }
        let keys = page.commits.into_iter();
        Ok(Checked {
            expected,
            keys: keys.map(|commit| (commit.stream, commit.version)).collect(),
            cursor: page.cursor,
            is_last: page.is_last,
        })
    }

    /// Waits until all targets hold a page. Sends again what seems lost.
    async fn wait_for(
        &self,
        known: &HashMap<String, Generations>,
        partition: &str,
        page: &Checked,
    ) -> Result<Waited, Error> {
        let mut looks = 0;
        let mut last_progress = Instant::now();
        let mut fewest = usize::MAX;
        loop {
            let lagging = self.lagging(known, &page.expected).await?;
            let Some((target, stream)) = lagging.first() else {
                return Ok(Waited::CaughtUp);
            };
            if !self.has_time() {
                return Ok(Waited::Not(Go::OutOfTime));
            }
            if self.beat(|_| {}).await? == Go::Stopped {
                return Ok(Waited::Not(Go::Stopped));
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
                self.send_again(partition, page, &lagging).await?;
            }
            if last_progress.elapsed() > PATIENCE {
                let (last, _) = page.expected[stream];
                return Ok(Waited::Stuck(format!(
                    "{target} does not get to version {last} of {stream}: look at the log of the write function"
                )));
            }
            let pause = 25 << looks.min(5);
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Which target lags behind which of these streams.
    async fn lagging(
        &self,
        known: &HashMap<String, Generations>,
        expected: &Expected,
    ) -> Result<Lagging, Error> {
        let mut lagging = Lagging::new();
        for target in self.replay.targets() {
            let Some(projection) = self.player.service.projection(&target.projection) else {
                continue;
            };
            // Live events do not reach a part of history.
            let is_part = known[&target.projection]
                .parts
                .contains_key(&target.generation);
            let streams = expected.iter().filter(|(stream, (_, position))| {
                let is_later = is_part && *position >= self.until;
                projection.reads(stream.category()) && !is_later
            });
            let streams: Vec<(&StreamName, u64)> = streams
                .map(|(stream, (version, _))| (stream, *version))
                .collect();
            let reader = target.to_string();
            let keys = streams.iter().map(|(stream, _)| match projection.over {
                Over::OneStream => Key::row(target, stream.id()),
                Over::ManyStreams => Key::checkpoint(&reader, stream.as_str()),
            });
            let keys: Vec<Key> = keys.collect();
            let watermarks = self.player.store.watermarks(&keys).await?;
            for ((stream, version), key) in streams.into_iter().zip(&keys) {
                if watermarks.get(key).copied().unwrap_or_default() < version {
                    lagging.push((target.clone(), stream.clone()));
                }
            }
        }
        Ok(lagging)
    }

    async fn send_again(
        &self,
        partition: &str,
        page: &Checked,
        lagging: &Lagging,
    ) -> Result<(), Error> {
        let is_lagging = |stream: &StreamName| lagging.iter().any(|(_, lags)| lags == stream);
        let keys = page.keys.iter().filter(|(stream, _)| is_lagging(stream));
        let keys: Vec<(&StreamName, u64)> = keys.map(|(stream, v)| (stream, *v)).collect();
        let commits: Vec<Commit> = self.player.events.get(&keys).await?;
        self.send(partition, &self.runs(&commits)?).await.map(drop)
    }

    /// Says which of the lagging streams is stalled, and why.
    async fn stalled(&self, lagging: &Lagging) -> Result<Option<String>, Error> {
        for target in self.replay.targets() {
            let reader = target.to_string();
            let store = &self.player.store;
            let (stalls, _) = stall::list(store, Some(&reader), None, 100).await?;
            let stall = stalls.into_iter().find(|stall| {
                let mut streams = lagging.iter().map(|(_, stream)| stream);
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
    Not(Go),
    Stuck(String),
}
