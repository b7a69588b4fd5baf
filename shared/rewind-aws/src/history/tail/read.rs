//! Reading on from a place.

use super::{
    SETTLES,
    place::{Mark, Place},
};
use crate::{
    Error,
    aws::http::weight,
    event_table::event_store::{After, Entry, EventStore},
};
use futures::{FutureExt, StreamExt, TryStreamExt, future::BoxFuture, stream};
use rewind::{
    Commit, RecordedEvent, StreamName,
    stream::{PARTITIONS, partition_name},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    time::Duration,
};

/// Partitions that are read at once.
const CONCURRENCY: usize = 32;

/// Commits that are read at once: one may take 390,000 bytes.
const COMMITS_AT_ONCE: usize = 25;

/// The tail of some categories.
#[derive(Debug)]
pub struct Tail<'a> {
    events: &'a EventStore,
    partitions: Vec<String>,
    /// How long a position may be on its way into the index, in microseconds.
    settles: u64,
    /// How many commits that are not settled a place may name.
    most_told: usize,
    /// How much the events of one answer may weigh ([`weight`]).
    most_weight: usize,
}

/// What a tail has told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// The events, by position.
    pub events: Vec<RecordedEvent>,
    /// Where to go on.
    pub place: Place,
    /// Whether there is more already.
    pub has_more: bool,
}

/// Commits of a partition that were not told, by position.
struct Untold {
    entries: Vec<Entry>,
    /// Up to where the partition was read, where that is not its end.
    read_to: Option<u64>,
}

impl<'a> Tail<'a> {
    /// The tail of these categories. A place names at most `most_told` commits,
    /// and the events of one answer weigh about `most_weight`.
    pub fn new<'c>(
        events: &'a EventStore,
        categories: impl IntoIterator<Item = &'c str>,
        most_told: usize,
        most_weight: usize,
    ) -> Self {
        let partitions = categories.into_iter().flat_map(|category| {
            (0..PARTITIONS).map(move |partition| partition_name(category, partition))
        });
        Self {
            events,
            partitions: partitions.collect(),
            settles: SETTLES.as_micros() as u64,
            most_told: most_told.max(1),
            most_weight,
        }
    }

    /// With another time in which positions settle: a test knows its own.
    #[must_use]
    pub fn with_settling(mut self, settles: Duration) -> Self {
        self.settles = settles.as_micros() as u64;
        self
    }

    /// The events behind a place, about `limit` of them: whole commits. `now` is
    /// the present, in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails, or a commit is damaged or missing.
    pub async fn read(&self, place: &Place, limit: usize, now: u64) -> Result<Told, Error> {
        let horizon = now.saturating_sub(self.settles);
        let share = (2 * limit).div_ceil(self.partitions.len().max(1));
        let share = share.clamp(10.min(limit), limit).max(1);
        let parts = self.each(|partition| self.untold(partition, place, share).boxed());
        let parts = parts.await?;
        // What lies behind the end of a page of another partition waits for it.
        let read_to = parts.iter().filter_map(|part| part.read_to).min();
        let mut entries: Vec<Entry> = parts.into_iter().flat_map(|part| part.entries).collect();
        entries.sort_unstable_by(|a, b| (a.position, &a.stream).cmp(&(b.position, &b.stream)));

        let mut open = place.told.range(Mark::at(horizon)..).count();
        let mut events = 0;
        let (mut is_short, mut taken) = (read_to.is_some(), 0);
        for entry in &entries {
            if read_to.is_some_and(|end| entry.position > end) {
                break;
            }
            if events >= limit {
                is_short = true;
                break;
            }
            let is_settled = entry.position < horizon;
            if !is_settled && open >= self.most_told {
                // The list is full: this waits until its beginning settles.
                is_short = false;
                break;
            }
            open += usize::from(!is_settled);
            events += entry.length as usize;
            taken += 1;
        }
        let left = entries.split_off(taken);
        let (commits, unread) = self.commits(&entries).await?;
        is_short |= !unread.is_empty();
        let first_left = unread.first().or(left.first());
        let mut commits = self.in_front_of(commits, place, horizon).await?;
        commits.sort_unstable_by(|a, b| (a.position, &a.stream).cmp(&(b.position, &b.stream)));

        let ends = [first_left.map(|entry| entry.position), read_to];
        let settled = ends.into_iter().flatten().fold(horizon, u64::min);
        let settled = settled.max(place.settled);
        let mut told = place.told.clone();
        told.extend(commits.iter().map(mark));
        let told = told.split_off(&Mark::at(settled));
        let mut events = Vec::new();
        for commit in &commits {
            events.extend(commit.events()?);
        }
        Ok(Told {
            events,
            place: Place { settled, told },
            has_more: is_short,
        })
    }

    /// The latest events with a position below `before`, the newest first, `limit`
    /// of them at most; and the place behind all that there is.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn latest(&self, limit: usize, before: u64, now: u64) -> Result<Told, Error> {
        // The place is taken first: what lands in between is told twice and not
        // never.
        let place = self.present(now).await?;
        let mut entries = self.newest(0..before, limit).await?;
        entries.sort_unstable_by(|a, b| (b.position, &a.stream).cmp(&(a.position, &b.stream)));
        let mut events = 0;
        entries.retain(|entry| {
            let is_wanted = events < limit as u64;
            // A commit may begin below and end above.
            events += entry.length.min(before.saturating_sub(entry.position));
            is_wanted
        });
        let (commits, _) = self.commits(&entries).await?;
        let mut events = Vec::new();
        for commit in &commits {
            let of_commit = commit.events()?.into_iter().rev();
            events.extend(of_commit.filter(|event| event.position < before));
        }
        events.truncate(limit);
        Ok(Told {
            events,
            place,
            has_more: false,
        })
    }

    /// The place behind all that the index shows: what it does not show yet is
    /// still to be told.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub async fn present(&self, now: u64) -> Result<Place, Error> {
        let horizon = now.saturating_sub(self.settles);
        // One more than a place names tells that a partition has more.
        let shown = self.newest(horizon..u64::MAX, self.most_told + 1).await?;
        let mut told: BTreeSet<Mark> = shown.iter().map(Mark::of).collect();
        let mut settled = horizon;
        while told.len() > self.most_told {
            let first = told.pop_first();
            settled = first.map_or(settled, |mark| mark.position + 1);
        }
        // Marks below the new position are not needed.
        let told = told.split_off(&Mark::at(settled));
        Ok(Place { settled, told })
    }

    /// Reads each partition. The futures are boxed: the compiler cannot see that
    /// those of closures may be sent to another thread.
    async fn each<'f, T: Send + 'f>(
        &'f self,
        read: impl Fn(&'f str) -> BoxFuture<'f, Result<T, Error>>,
    ) -> Result<Vec<T>, Error> {
        let jobs: Vec<_> = self.partitions.iter().map(|name| read(name)).collect();
        let jobs = stream::iter(jobs).buffer_unordered(CONCURRENCY);
        jobs.try_collect().await
    }

    /// The last entries of each partition, within a range of positions.
    async fn newest(&self, within: Range<u64>, most: usize) -> Result<Vec<Entry>, Error> {
        let most = most.min(i32::MAX as usize) as i32;
        let parts = self.each(|partition| {
            let newest = self.events.last_entries(partition, within.clone(), most);
            newest.boxed()
        });
        Ok(parts.await?.concat())
    }

    /// The commits of a partition at and above a place that were not told, at
    /// least `least` of them, or all.
    async fn untold(&self, partition: &str, place: &Place, least: usize) -> Result<Untold, Error> {
        let mut entries = Vec::new();
        let mut after = After::Position(place.settled);
        let limit = i32::try_from(least.saturating_add(1)).unwrap_or(i32::MAX);
        loop {
            let page = self.events.read_index(partition, &after, limit).await?;
            let Some(last) = page.entries.last() else {
                let read_to = None;
                return Ok(Untold { entries, read_to });
            };
            let position = last.position;
            after = After::Commit(last.cursor());
            let untold = page.entries.into_iter();
            entries.extend(untold.filter(|entry| !place.told.contains(&Mark::of(entry))));
            if !page.has_more || entries.len() >= least {
                let read_to = page.has_more.then_some(position);
                return Ok(Untold { entries, read_to });
            }
        }
    }

    /// These commits, as far as one answer goes, and the entries of the others.
    async fn commits<'e>(&self, entries: &'e [Entry]) -> Result<(Vec<Commit>, &'e [Entry]), Error> {
        let mut commits = Vec::new();
        let mut weighs = 0;
        for some in entries.chunks(COMMITS_AT_ONCE) {
            let keys: Vec<(&StreamName, u64)> = some
                .iter()
                .map(|entry| (&entry.stream, entry.version))
                .collect();
            for commit in self.events.get(&keys).await? {
                weighs += weight(&commit.events);
                if weighs > self.most_weight && !commits.is_empty() {
                    let unread = &entries[commits.len()..];
                    return Ok((commits, unread));
                }
                commits.push(commit);
            }
        }
        Ok((commits, &[]))
    }

    /// These commits, and those in front of them in their streams that were not
    /// told: the index shows commits of one stream in any order.
    async fn in_front_of(
        &self,
        commits: Vec<Commit>,
        place: &Place,
        horizon: u64,
    ) -> Result<Vec<Commit>, Error> {
        let mut streams: BTreeMap<StreamName, BTreeMap<u64, Commit>> = BTreeMap::new();
        for commit in commits {
            let stream = streams.entry(commit.stream.clone()).or_default();
            stream.insert(commit.version, commit);
        }
        let jobs = streams.into_iter().map(|(name, mut taken)| {
            async move {
                let mut versions: Vec<u64> = taken.keys().copied().collect();
                while let Some(version) = versions.pop() {
                    let Some(commit) = taken.get(&version) else {
                        continue;
                    };
                    let before = taken.range(..version).next_back();
                    let is_next = before.is_some_and(|(_, it)| it.last_version() + 1 == version);
                    if version == 1 || is_next || commit.position < horizon {
                        continue;
                    }
                    let found = self.events.last_commits(&name, version - 1, 1).await?;
                    let Some(found) = found.into_iter().next() else {
                        let what = format!("stream {name}");
                        let why = format!("nothing stands before version {version}");
                        return Err(Error::damaged(what, why));
                    };
                    if found.position >= place.settled && !place.told.contains(&mark(&found)) {
                        versions.push(found.version);
                        taken.insert(found.version, found);
                    }
                }
                Ok::<_, Error>(taken.into_values().collect::<Vec<_>>())
            }
            .boxed()
        });
        let jobs = stream::iter(jobs.collect::<Vec<_>>()).buffer_unordered(CONCURRENCY);
        let found: Vec<Vec<Commit>> = jobs.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }
}

fn mark(commit: &Commit) -> Mark {
    Mark::new(&commit.stream, commit.version, commit.position)
}
