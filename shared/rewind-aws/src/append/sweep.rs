//! The sweep: publishes what was recorded outside of pump by processes that
//! died before they published. A schedule runs it each minute.
//!
//! It looks at the intents of all appenders (`appender.rs`). One that no longer
//! stands belongs to a process that is idle or dead; nobody can tell which. So
//! what that process has recorded since its intent began is published, perhaps
//! once more: readers know repeats. A write that comes late, long after its
//! process died, is met by a second look some minutes later.
//!
//! The data store may be wiped, and the intents with it. So a sweep that finds
//! no record of the one before publishes all that was recorded within a day,
//! and goes on without intents until those that were wiped would have ended.

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
    event_table::{
        event_store::{After, EventStore},
        index::Cursor,
    },
};
use rewind::{
    Service,
    reserved::{COMMAND_CATEGORY, UNIQUE_CATEGORY},
    stream::{PARTITIONS, partition_name},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// The second look at what a process has recorded comes so long after its intent
/// has ended, in microseconds.
const LATE: u64 = 300_000_000;

/// How far back a sweep goes that has lost its record: a day, as long as
/// Kinesis keeps a record at least.
const A_DAY: u64 = 86_400_000_000;

/// So long after it began its record, a sweep goes on without intents.
const WIPED: u64 = 120_000_000;

/// Commits that are read in one go. One takes up to 400 KB.
const PAGE: i32 = 25;

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
#[derive(Debug, Serialize, Deserialize)]
struct Began {
    at: u64,
}

/// Whose commits are published.
enum Whose<'a> {
    Everybodys,
    These(&'a BTreeMap<String, Intent>),
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
        let mut ended: BTreeMap<String, Intent> = BTreeMap::new();
        for (id, intent) in self.intents().await? {
            // A second look, at most.
            match intent.until + SKEW < now {
                false => swept.standing += 1,
                true if intent.is_swept && now < intent.until + LATE => {}
                true => {
                    ended.insert(id, intent);
                }
            }
        }
        swept.ended = ended.len();
        let since = ended.values().map(|intent| intent.from).min();
        if now < began + WIPED {
            let from = if began == now {
                now - A_DAY
            } else {
                began - SKEW
            };
            swept.published += self.publish(from, &Whose::Everybodys).await?;
        } else if let Some(from) = since {
            swept.published += self.publish(from, &Whose::These(&ended)).await?;
        }
        for (id, intent) in ended {
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
                    Write::Replace { key, row }
                }
            };
            self.store.write_together(&[write]).await?;
        }
        Ok(swept)
    }

    /// When the sweeps began: now, where there is no record of it.
    async fn began(&self, now: u64) -> Result<u64, Error> {
        let key = Key {
            pk: "rewind#sweep".into(),
            sk: "began".into(),
        };
        let known = self.store.get(&key).await?.and_then(|row| row.state);
        let known = known.and_then(|state| serde_json::from_value::<Began>(state).ok());
        if let Some(known) = known {
            return Ok(known.at);
        }
        let state = Some(json!(Began { at: now }));
        let row = Row {
            state,
            ..Row::default()
        };
        self.store.replace(&key, &row).await?;
        Ok(now)
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

    /// Publishes what was recorded from a position on, in recorded order.
    async fn publish(&self, from: u64, whose: &Whose<'_>) -> Result<usize, Error> {
        let partitions = self.categories.iter().flat_map(|category| {
            (0..PARTITIONS).map(move |partition| partition_name(category, partition))
        });
        let mut published = 0;
        for partition in partitions {
            let mut after = After::Position(from);
            loop {
                let page = self.events.read_index(&partition, &after, PAGE).await?;
                let places = page.entries.iter();
                let places: Vec<_> = places.map(|entry| (&entry.stream, entry.version)).collect();
                let mut commits = self.events.get(&places).await?;
                if let Whose::These(ended) = whose {
                    commits.retain(|commit| {
                        let appender = commit.appender.as_ref();
                        appender.is_some_and(|appender| ended.contains_key(appender))
                    });
                }
                published += commits.iter().map(|c| c.length as usize).sum::<usize>();
                let sent = publish(&self.published, &commits).await;
                sent.map_err(|reason| Error::Service {
                    operation: "PutRecords",
                    reason,
                })?;
                match page.entries.last() {
                    Some(last) if page.has_more => {
                        after = After::Commit(Cursor {
                            position: last.position,
                            stream: last.stream.clone(),
                            version: last.version,
                        });
                    }
                    _ => break,
                }
            }
        }
        Ok(published)
    }
}
