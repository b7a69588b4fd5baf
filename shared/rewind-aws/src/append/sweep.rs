//! The sweep: publishes what was recorded outside of pump by processes that
//! died before they published. A schedule runs it each minute.
//!
//! It looks at the intents of all appenders (`appender.rs`). One that no longer
//! stands belongs to a process that is idle or dead; nobody can tell which. So
//! what that process has recorded under its intent is published, perhaps once
//! more: readers know repeats. A write that comes late, long after its process
//! died, is met by a second look some minutes later.
//!
//! The data store may be wiped, and the intents with it. So a sweep that finds
//! no record of the one before publishes all that was recorded within a day,
//! and goes on without intents until those that were wiped would have ended.
//!
//! Both are done in slices of time, and what is done is recorded after each: a
//! sweep that dies, or has more to do than its function may take, is gone on with
//! by the next.

use super::{
    appender::{APPENDERS, Intent, SKEW, key as intent_key},
    publish::publish,
};
use crate::{
    Error,
    aws::{clock::micros, item::string, producer::Stream},
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{Row, row},
        transaction::Write,
    },
    event_table::event_store::{After, EventStore},
};
use futures::{StreamExt, TryStreamExt, stream};
use rewind::{
    Service,
    reserved::{COMMAND_CATEGORY, UNIQUE_CATEGORY},
    stream::{PARTITIONS, partition_name},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// The second look at what a process has recorded comes so long after its intent
/// has ended, in microseconds.
const LATE: u64 = 300_000_000;

/// How far back a sweep goes that has lost its record: a day, as long as
/// Kinesis keeps a record at least.
const A_DAY: u64 = 86_400_000_000;

/// So long after it began its record, a sweep goes on without intents.
const WIPED: u64 = 120_000_000;

/// A slice of intents is at least so long, in microseconds, where there are
/// enough: it costs a request for each partition.
const SLICE: u64 = 60_000_000;

/// The shortest slice of that day, in microseconds.
const SHORTEST: u64 = 1_000_000;

/// Commits that are read in one go. One takes up to 400 KB.
const PAGE: i32 = 25;

/// Partitions that are read side by side.
const PARTITIONS_AT_ONCE: usize = 8;

/// What a sweep has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Intents that stand: somebody may die.
    pub standing: usize,
    /// Intents that have ended, and were looked at.
    pub ended: usize,
    /// Events that were published.
    pub published: usize,
}

/// Publishes what was recorded and not published.
#[derive(Debug)]
pub struct Sweep {
    categories: BTreeSet<String>,
    events: EventStore,
    store: DataStore,
    published: Stream,
}

/// When the sweeps began.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Began {
    at: u64,
    /// Through where the day before was published.
    through: u64,
    /// The length of its next slice, in microseconds.
    length: u64,
}

/// A part of recorded time, and the intents whose commits are all published when
/// it is.
#[derive(Debug, PartialEq)]
struct Slice {
    from: u64,
    to: u64,
    intents: Vec<(String, Intent)>,
}

/// Divides recorded time among intents: each commit of an intent lies in its
/// slice, or in one before.
fn slices(mut intents: Vec<(String, Intent)>) -> Vec<Slice> {
    intents.sort_by_key(|(_, intent)| intent.to);
    // Where the earliest of an intent and those behind it begins.
    let mut earliest: Vec<u64> = intents.iter().map(|(_, intent)| intent.from).collect();
    for nth in (1..earliest.len()).rev() {
        earliest[nth - 1] = earliest[nth - 1].min(earliest[nth]);
    }
    let mut slices: Vec<Slice> = Vec::new();
    for ((id, intent), earliest) in intents.into_iter().zip(earliest) {
        let to = intent.to;
        match slices.last_mut() {
            Some(slice) if to.saturating_sub(slice.from) <= SLICE => {
                slice.to = to;
                slice.intents.push((id, intent));
            }
            last => {
                let covered = last.map_or(0, |slice| slice.to);
                let (from, intents) = (covered.max(earliest), vec![(id, intent)]);
                slices.push(Slice { from, to, intents });
            }
        }
    }
    slices
}

/// Whose commits are published.
enum Whose<'a> {
    Everybodys,
    These(&'a BTreeSet<String>),
}

impl Sweep {
    /// A sweep over what a service's aggregates, processes and gateways record.
    pub fn new(service: &Service, events: EventStore, store: DataStore, published: Stream) -> Self {
        let decided = service.deciders().iter().map(|decider| decider.category);
        let journals = service.runners().iter();
        let journals = journals.map(|runner| runner.category.as_str());
        let logs = service.callers().iter();
        let logs = logs.map(|caller| caller.category.as_str());
        let own = [COMMAND_CATEGORY, UNIQUE_CATEGORY].into_iter();
        let categories = decided.chain(journals).chain(logs).chain(own);
        Self {
            categories: categories.map(ToString::to_string).collect(),
            events,
            store,
            published,
        }
    }

    /// Sweeps once.
    ///
    /// # Errors
    ///
    /// When a service fails: the intents are left for the next sweep.
    pub async fn sweep(&self) -> Result<Swept, Error> {
        self.sweep_at(micros()).await
    }

    /// Sweeps once, at a time in microseconds since 1970.
    ///
    /// # Errors
    ///
    /// As [`sweep`](Self::sweep).
    pub async fn sweep_at(&self, now: u64) -> Result<Swept, Error> {
        let began = self.began(now).await?;
        let mut swept = Swept::default();
        let mut ended = Vec::new();
        for (id, intent) in self.intents().await? {
            // A second look, at most.
            match intent.until + SKEW < now {
                false => swept.standing += 1,
                true if intent.is_swept && now < intent.until + LATE => {}
                true => ended.push((id, intent)),
            }
        }
        swept.ended = ended.len();
        swept.published += self.day_before(began).await?;
        if now < began.at + WIPED {
            let from = began.at.saturating_sub(SKEW);
            swept.published += self.publish(from, u64::MAX, &Whose::Everybodys).await?;
            self.looked_at(ended).await?;
            return Ok(swept);
        }
        let ids: BTreeSet<String> = ended.iter().map(|(id, _)| id.clone()).collect();
        for slice in slices(ended) {
            let whose = Whose::These(&ids);
            swept.published += self.publish(slice.from, slice.to, &whose).await?;
            self.looked_at(slice.intents).await?;
        }
        Ok(swept)
    }

    /// Publishes what was recorded within a day before the sweeps began, if no
    /// sweep has done so. Intents may have been lost with the record.
    async fn day_before(&self, mut began: Began) -> Result<usize, Error> {
        let end = began.at.saturating_sub(SKEW);
        let mut published = 0;
        while began.through < end {
            // A slice that is too long to be finished is halved. Behind one that
            // is finished comes one of twice its length.
            let length = SHORTEST.max(began.length / 2);
            self.begin(Began { length, ..began }).await?;
            let to = end.min(began.through + began.length);
            let all = self.publish(began.through, to, &Whose::Everybodys);
            published += all.await?;
            (began.through, began.length) = (to, began.length.saturating_mul(2));
            self.begin(began).await?;
        }
        Ok(published)
    }

    /// Records that what was appended under these intents is published.
    async fn looked_at(&self, intents: Vec<(String, Intent)>) -> Result<(), Error> {
        for (id, intent) in intents {
            let key = intent_key(&id);
            let write = match intent.is_swept {
                true => Write::Delete { key },
                false => {
                    let intent = Intent {
                        is_swept: true,
                        ..intent
                    };
                    let state = Some(json!(intent));
                    let row = Row {
                        state,
                        ..Row::default()
                    };
                    Write::Replace {
                        key,
                        row,
                        expires: None,
                    }
                }
            };
            self.store.write_together(&[write]).await?;
        }
        Ok(())
    }

    /// When the sweeps began: now, where there is no record of it.
    async fn began(&self, now: u64) -> Result<Began, Error> {
        let known = self.store.get(&began_key()).await?;
        let known = known.and_then(|row| row.state);
        let known = known.and_then(|state| serde_json::from_value::<Began>(state).ok());
        if let Some(known) = known {
            return Ok(known);
        }
        let began = Began {
            at: now,
            through: now.saturating_sub(A_DAY),
            length: A_DAY,
        };
        self.begin(began).await?;
        Ok(began)
    }

    async fn begin(&self, began: Began) -> Result<(), Error> {
        let row = Row {
            state: Some(json!(began)),
            ..Row::default()
        };
        self.store.replace(&began_key(), &row).await
    }

    async fn intents(&self) -> Result<Vec<(String, Intent)>, Error> {
        let mut intents = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list(APPENDERS, "", after.as_deref(), 100);
            let (items, next) = page.await?;
            for item in items {
                let id = string(&item, "sk")?.to_string();
                let (_, row) = row(item)?;
                let intent = serde_json::from_value(row.state.unwrap_or_default());
                let intent = intent.map_err(|error| Error::damaged(format!("intent {id}"), error));
                intents.push((id, intent?));
            }
            after = next;
            if after.is_none() {
                return Ok(intents);
            }
        }
    }

    /// Publishes what was recorded from a position to another, in recorded order
    /// for each stream.
    async fn publish(&self, from: u64, to: u64, whose: &Whose<'_>) -> Result<usize, Error> {
        let partitions = self.categories.iter().flat_map(|category| {
            (0..PARTITIONS).map(move |partition| partition_name(category, partition))
        });
        let published = partitions
            .map(|partition| async move { self.publish_of(&partition, (from, to), whose).await });
        let published = stream::iter(published).buffer_unordered(PARTITIONS_AT_ONCE);
        published.try_fold(0, async |sum, of| Ok(sum + of)).await
    }

    async fn publish_of(
        &self,
        partition: &str,
        (from, to): (u64, u64),
        whose: &Whose<'_>,
    ) -> Result<usize, Error> {
        let mut published = 0;
        let mut after = After::Position(from);
        loop {
            let page = self.events.read_index(partition, &after, PAGE).await?;
            let entries = page.entries.iter();
            let within = entries.take_while(|entry| entry.position <= to);
            let places: Vec<_> = within.map(|entry| (&entry.stream, entry.version)).collect();
            let mut commits = self.events.get(&places).await?;
            if let Whose::These(ids) = whose {
                commits.retain(|commit| {
                    let appender = commit.appender.as_ref();
                    appender.is_some_and(|appender| ids.contains(appender))
                });
            }
            published += commits.iter().map(|c| c.length as usize).sum::<usize>();
            let sent = publish(&self.published, &commits).await;
            sent.map_err(|reason| Error::Service {
                operation: "PutRecords",
                reason,
            })?;
            match page.entries.last() {
                Some(last) if page.has_more && last.position <= to => {
                    after = After::Commit(last.cursor());
                }
                _ => return Ok(published),
            }
        }
    }
}

fn began_key() -> Key {
    Key {
        pk: "rewind#sweep".into(),
        sk: "began".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn each_position_of_an_intent_lies_in_a_slice_before_it_is_looked_at() {
        let mut dice = SmallRng::seed_from_u64(12);
        for _ in 0..2_000 {
            let count = dice.random_range(0..12);
            let intents = (0..count).map(|nth| {
                let from = dice.random_range(0..6 * SLICE);
                let to = from + dice.random_range(0..2 * SLICE);
                let (until, is_swept) = (to, false);
                let intent = Intent {
                    from,
                    to,
                    until,
                    is_swept,
                };
                (format!("p{nth}"), intent)
            });
            let intents: Vec<(String, Intent)> = intents.collect();
            let slices = slices(intents.clone());
            let mut seen = Vec::new();
            let mut covered: Vec<(u64, u64)> = Vec::new();
            for slice in &slices {
                let last = covered.last_mut();
                assert!(
                    last.as_ref().is_none_or(|last| last.1 <= slice.from),
                    "twice"
                );
                match last {
                    Some(last) if last.1 == slice.from => last.1 = slice.to,
                    _ => covered.push((slice.from, slice.to)),
                }
                for (id, intent) in &slice.intents {
                    let is_covered =
                        |part: &(u64, u64)| part.0 <= intent.from && intent.to <= part.1;
                    assert!(covered.iter().any(is_covered), "{intent:?} of {slices:?}");
                    seen.push(id.clone());
                }
            }
            seen.sort();
            let mut all: Vec<String> = intents.into_iter().map(|(id, _)| id).collect();
            all.sort();
            assert_eq!(seen, all);
        }
    }
}
