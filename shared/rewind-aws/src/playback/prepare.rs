//! Before the first page: each partition gets an item that keeps its progress.

use super::{
    player::Player,
    playing::{Go, Playing},
    progress::{self, Progress},
    record,
    request::Request,
};
use crate::{Error, event_table::event_store::After, history::partition};
use futures::{FutureExt, StreamExt, TryStreamExt, stream};
use rewind::StreamName;
use std::collections::{BTreeMap, BTreeSet};

/// Partitions that are counted at once.
const PARALLEL_PARTITIONS: usize = 8;

impl Playing<'_> {
    /// Makes sure that each partition has an item, and reads all of them. What
    /// is there stays, so that it can be repeated after a death.
    pub(super) async fn prepare(&self) -> Result<Go, Error> {
        let playback = self.playback().await;
        if !playback.prepared {
            record::list(&self.player.store, &self.replay.id).await?;
            // An older version kept them in the record.
            let partitions = match playback.partitions.is_empty() {
                true => self.partitions_asked_for().await?,
                false => playback.partitions,
            };
            self.read_progress().await?;
            let made = self.partitions().await;
            let missing = partitions
                .into_iter()
                .filter(|(name, _)| !made.contains_key(name))
                .map(|(name, progress)| self.prepare_partition(name, progress).boxed());
            let mut prepared =
                stream::iter(missing.collect::<Vec<_>>()).buffer_unordered(PARALLEL_PARTITIONS);
            while let Some(go) = prepared.try_next().await? {
                if go != Go::On {
                    return Ok(Go::Stopped);
                }
            }
            let saved = self.save(|playback| {
                playback.prepared = true;
                playback.partitions = BTreeMap::new();
            });
            if saved.await? != Go::On {
                return Ok(Go::Stopped);
            }
        }
        self.read_progress().await?;
        Ok(Go::On)
    }

    /// Makes the items of categories that were not there before: where nobody says
    /// which are read, one may have begun right before the playback, and the index
    /// has not shown it. By now it has. The index of streams by name tells of it,
    /// without a scan.
    pub(super) async fn prepare_late(&self) -> Result<Go, Error> {
        if categories(self.player, &self.request).is_some() {
            return Ok(Go::On);
        }
        let found = self.player.events.named_categories().await?;
        let found = found.iter().map(String::as_str).collect();
        let made = self.partitions().await;
        for name in partition::of(&self.request.what, &found) {
            if !made.contains_key(&name) {
                let go = self.prepare_partition(name, Progress::default()).await?;
                if go != Go::On {
                    return Ok(go);
                }
            }
        }
        self.read_progress().await?;
        Ok(Go::On)
    }

    /// Makes the item of a partition, unless the playback is stopped.
    async fn prepare_partition(&self, name: String, mut progress: Progress) -> Result<Go, Error> {
        if self.beat(|_| {}).await? != Go::On {
            return Ok(Go::Stopped);
        }
        if progress.range.is_none() {
            progress.range = self.range(&name).await?;
        }
        progress.of = self.counted(&name, progress.range).await?;
        let records = progress::of(&self.replay.id);
        // One that is there is further than this.
        let saved = records.save(&self.player.store, &name, &progress, 0);
        saved.await?;
        Ok(Go::On)
    }

    async fn partitions_asked_for(&self) -> Result<BTreeMap<String, Progress>, Error> {
        let known = categories(self.player, &self.request);
        let categories = match known {
            Some(known) => known,
            None => self.player.events.categories().await?,
        };
        let categories = categories.iter().map(String::as_str).collect();
        let partitions = partition::of(&self.request.what, &categories);
        let partitions = partitions.into_iter();
        Ok(partitions.map(|name| (name, Progress::default())).collect())
    }

    /// How many events a partition has, where that is found out soon.
    async fn counted(
        &self,
        partition: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Option<u64>, Error> {
        if range == Some((self.until, self.until)) {
            return Ok(Some(0));
        }
        let (events, what) = (&self.player.events, &self.request.what);
        partition::count(events, partition, what, self.until).await
    }

    /// The first and the last position of a partition; `None` for a stream.
    async fn range(&self, partition: &str) -> Result<Option<(u64, u64)>, Error> {
        if StreamName::new(partition).is_ok() {
            return Ok(None);
        }
        let events = &self.player.events;
        let from = After::Position(self.request.what.first_position());
        let first = events.read_index(partition, &from, 1).await?;
        let first = first.entries.first().map(|entry| entry.position);
        let last = events.last_entry(partition, self.until).await?;
        let last = last.map(|entry| entry.position);
        Ok(Some(first.zip(last).unwrap_or((self.until, self.until))))
    }
}

/// The categories that are read: those asked for, otherwise those that the
/// receivers read. `None` for all that there are: nobody knows what a subscriber
/// outside of Rewind reads.
fn categories(player: &Player, request: &Request) -> Option<BTreeSet<String>> {
    let what = &request.what;
    if !what.streams.is_empty() || !what.categories.is_empty() {
        return Some(what.categories.iter().cloned().collect());
    }
    let mut read = BTreeSet::new();
    for to in &request.to {
        if let Some(name) = &to.projection {
            let projection = player.service.projection(name);
            let read_by = projection.into_iter().flat_map(|known| known.categories);
            read.extend(read_by.map(ToString::to_string));
        } else if to.microservice.is_some() {
            let listeners = player.service.listeners().into_iter();
            read.extend(listeners.flat_map(|listener| listener.categories));
        } else {
            return None;
        }
    }
    Some(read)
}
