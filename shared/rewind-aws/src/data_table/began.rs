//! When each listener began to work: what is older happened without it, and
//! must not reach the outside through it.

use super::{
    data_store::DataStore,
    key::Key,
    row::{Row, Written, row},
};
use crate::{
    Error,
    aws::{clock::micros, item::string},
};
use rewind::Service;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tokio::sync::OnceCell;

/// The partition of the records.
const LISTENERS: &str = "rewind#listeners";

/// An event that was recorded so long before a listener was seen first is still
/// new to it, in microseconds: its function may have started a little late.
const GRACE: u64 = 60_000_000;

/// The positions at which listeners began, read once in the life of a process.
#[derive(Debug, Clone)]
pub struct Began {
    store: DataStore,
    origins: Vec<String>,
    known: Arc<OnceCell<BTreeMap<String, u64>>>,
}

impl Began {
    /// Of a service's listeners. Without gateways nothing is read: nothing can
    /// reach the outside.
    pub fn new(service: &Service, store: DataStore) -> Self {
        let listeners = match service.callers().is_empty() {
            true => Vec::new(),
            false => service.listeners(),
        };
        Self {
            store,
            origins: listeners.into_iter().map(|known| known.origin).collect(),
            known: Arc::default(),
        }
    }

    /// Since which position a listener's events may reach the outside. One that
    /// is seen for the first time begins now.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a record is damaged.
    pub async fn since(&self, origin: &str) -> Result<u64, Error> {
        let known = self.known.get_or_try_init(|| self.read()).await?;
        Ok(known.get(origin).copied().unwrap_or(u64::MAX))
    }

    async fn read(&self) -> Result<BTreeMap<String, u64>, Error> {
        let mut known = BTreeMap::new();
        if self.origins.is_empty() {
            return Ok(known);
        }
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list(LISTENERS, "", after.as_deref(), 100);
            let (items, next) = page.await?;
            for item in items {
                let origin = string(&item, "sk")?.to_string();
                let position = position(row(item)?.1.state, &origin)?;
                known.insert(origin, position);
            }
            after = next;
            if after.is_none() {
                break;
            }
        }
        let now = micros().saturating_sub(GRACE);
        for origin in &self.origins {
            if !known.contains_key(origin) {
                known.insert(origin.clone(), self.begin(origin, now).await?);
            }
        }
        Ok(known)
    }

    /// Records that a listener begins now, unless somebody has.
    async fn begin(&self, origin: &str, now: u64) -> Result<u64, Error> {
        let key = Key {
            pk: LISTENERS.into(),
            sk: origin.into(),
        };
        let state = Some(json!({ "since": now }));
        let new = Row {
            state,
            ..Row::default()
        };
        if self.store.put(&key, &new, 0).await? == Written::Done {
            return Ok(now);
        }
        let known = self.store.get(&key).await?;
        position(known.and_then(|row| row.state), origin)
    }
}

fn position(state: Option<Value>, origin: &str) -> Result<u64, Error> {
    let since = state.and_then(|state| state["since"].as_u64());
    since.ok_or_else(|| Error::damaged(format!("listener {origin}"), "it has no `since`"))
}
