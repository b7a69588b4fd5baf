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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Intent {
    /// What the process has recorded has no lower position than this.
    pub from: u64,
    /// Until when it stands, in microseconds since 1970.
    pub until: u64,
    /// Whether the sweep has published what it found.
    #[serde(default)]
    pub is_swept: bool,
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
    until: u64,
    from: u64,
    /// Appends that are not published yet.
    under_way: usize,
}

impl Appender {
    pub fn new(store: DataStore) -> Self {
        Self {
            store,
            intent: Mutex::new(Standing::new()),
        }
    }

    /// Says that something is about to be appended, planned for this position or
    /// a higher one, and under which id. Each call is followed by one of
    /// [`done`](Self::done).
    pub async fn begin(&self, position: u64) -> Result<String, Error> {
        let mut standing = self.intent.lock().await;
        let now = micros();
        // It may have been planned before the intent was made.
        let is_older = position < standing.from;
        if standing.until < now + MARGIN || is_older {
            let is_idle = standing.under_way == 0;
            let from = now.min(position).saturating_sub(SKEW);
            let intent = Intent {
                from: match is_idle && !is_older {
                    true => from,
                    false => standing.from.min(from),
                },
                until: now + STANDS,
                is_swept: false,
            };
            let row = Row {
                state: Some(json!(intent)),
                ..Row::default()
            };
            self.store.replace(&key(&standing.id), &row).await?;
            (standing.from, standing.until) = (intent.from, intent.until);
        }
        standing.under_way += 1;
        Ok(standing.id.clone())
    }

    /// What was recorded under this id is published, or nothing was recorded.
    /// Otherwise the intent is left to run out.
    pub async fn done(&self, id: &str, is_published: bool) {
        let mut standing = self.intent.lock().await;
        if standing.id != id {
            return;
        }
        match is_published {
            true => standing.under_way = standing.under_way.saturating_sub(1),
            false => *standing = Standing::new(),
        }
    }
}

impl Standing {
    fn new() -> Self {
        Self {
            id: Uuid::now_v7().simple().to_string(),
            until: 0,
            from: 0,
            under_way: 0,
        }
    }
}

pub(super) fn key(id: &str) -> Key {
    Key {
        pk: APPENDERS.into(),
        sk: id.to_string(),
    }
}
