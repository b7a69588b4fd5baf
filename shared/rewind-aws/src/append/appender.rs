//! Who appends outside of pump says so, so that what it records is published
//! even if it dies in between.
//!
//! An intent for each command would cost two writes. One for each process and
//! some seconds does as much: "this process may have recorded something since,
//! until". A process appends only while its own stands. One that stands no
//! longer is taken by the sweep, which publishes what its process has recorded.
//! A process that knows of something unpublished appends under a new id, so
//! that the old one runs out.

use crate::{
    Error,
    aws::clock::micros,
    data_table::{data_store::DataStore, key::Key, row::Row},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, btree_map::Entry};
use tokio::sync::Mutex;
use uuid::Uuid;

/// The partition of the intents.
pub(super) const APPENDERS: &str = "rewind#appenders";

/// How long an intent stands, in microseconds.
const STANDS: u64 = 15_000_000;

/// With less time left, it is renewed before anything is appended: longer than
/// a request and its retries take, so that an append ends before it does.
const MARGIN: u64 = 6_000_000;

/// How far a process's clock may lie behind the one of another, in
/// microseconds.
pub(super) const SKEW: u64 = 2_000_000;

/// An intent to append.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Intent {
    /// What the process has recorded has no lower position than this.
    pub from: u64,
    /// Nor a higher one than this.
    #[serde(default = "any")]
    pub to: u64,
    /// Until when it stands, in microseconds since 1970.
    pub until: u64,
    /// Whether the sweep has published what it found.
    #[serde(default)]
    pub is_swept: bool,
}

fn any() -> u64 {
    u64::MAX
}

/// A process that appends.
#[derive(Debug)]
pub(super) struct Appender {
    store: DataStore,
    intent: Mutex<Standing>,
}

#[derive(Debug)]
struct Standing {
    id: String,
    from: u64,
    to: u64,
    until: u64,
    /// The positions of appends that are not published yet, and how many have
    /// each.
    under_way: BTreeMap<u64, usize>,
}

/// An append that has begun.
#[derive(Debug)]
pub(super) struct Begun {
    /// Under which id.
    pub id: String,
    /// Its lowest position.
    position: u64,
}

impl Appender {
    pub fn new(store: DataStore) -> Self {
        Self {
            store,
            intent: Mutex::new(Standing::new()),
        }
    }

    /// Says that something is about to be appended, planned for positions from
    /// `lowest` to `highest`. Each call is followed by one of
    /// [`done`](Self::done).
    pub async fn begin(&self, lowest: u64, highest: u64) -> Result<Begun, Error> {
        let mut standing = self.intent.lock().await;
        let now = micros();
        // One that has run out is the sweep's, which ends it whatever stands there.
        if standing.until < now + SKEW {
            *standing = Standing::new();
        }
        // It may have been planned before the intent was made, or by a clock
        // that goes ahead.
        let is_beyond = lowest < standing.from || highest > standing.to;
        if standing.until < now + MARGIN || is_beyond {
            let under_way = standing.under_way.keys().next();
            let earliest = now.min(lowest).min(*under_way.unwrap_or(&now));
            let until = now + STANDS;
            let intent = Intent {
                from: earliest.saturating_sub(SKEW),
                to: highest.max(until + SKEW).max(standing.to),
                until,
                is_swept: false,
            };
            let row = Row {
                state: Some(json!(intent)),
                ..Row::default()
            };
            self.store.replace(&key(&standing.id), &row).await?;
            (standing.from, standing.to, standing.until) = (intent.from, intent.to, intent.until);
        }
        *standing.under_way.entry(lowest).or_default() += 1;
        Ok(Begun {
            id: standing.id.clone(),
            position: lowest,
        })
    }

    /// What has begun is published, or nothing was recorded. Otherwise the intent
    /// is left to run out.
    pub async fn done(&self, begun: &Begun, is_published: bool) {
        let mut standing = self.intent.lock().await;
        if standing.id != begun.id {
            return;
        }
        if !is_published {
            *standing = Standing::new();
            return;
        }
        if let Entry::Occupied(mut under_way) = standing.under_way.entry(begun.position) {
            match under_way.get() {
                1 => drop(under_way.remove()),
                _ => *under_way.get_mut() -= 1,
            }
        }
    }
}

impl Standing {
    fn new() -> Self {
        Self {
            id: Uuid::now_v7().simple().to_string(),
            from: 0,
            to: 0,
            until: 0,
            under_way: BTreeMap::new(),
        }
    }
}

pub(super) fn key(id: &str) -> Key {
    Key {
        pk: APPENDERS.into(),
        sk: id.to_string(),
    }
}
