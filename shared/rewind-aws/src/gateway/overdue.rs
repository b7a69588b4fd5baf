//! Calls that wait for longer than they should: `/health` tells of them.

use super::waiting::{self, Entry};
use crate::{Error, data_table::data_store::DataStore};
use rewind::Service;
use schemars::JsonSchema;
use serde::Serialize;

/// The calls of a gateway that wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Waits {
    /// The gateway.
    pub gateway: String,
    /// How many logs have a call that waits, at least.
    pub logs: u64,
    /// For how long the first of them has waited, in seconds.
    pub seconds: u64,
    /// Why that one waits.
    pub reason: String,
}

/// The gateways with calls that wait at `now`, in microseconds since 1970. Of
/// each partition of the list, one page is looked at.
///
/// # Errors
///
/// When DynamoDB fails or an entry is damaged.
pub async fn overdue(service: &Service, store: &DataStore, now: u64) -> Result<Vec<Waits>, Error> {
    if service.callers().is_empty() {
        return Ok(Vec::new());
    }
    let mut entries: Vec<Entry> = Vec::new();
    for partition in waiting::partitions() {
        entries.extend(waiting::list(store, partition, None).await?.0);
    }
    let waits = service.callers().iter().filter_map(|caller| {
        let own = entries.iter();
        let own = own.filter(|entry| entry.stream.category() == caller.category);
        let first = own.clone().min_by_key(|entry| entry.waiting.since)?;
        Some(Waits {
            gateway: caller.name.into(),
            logs: own.count() as u64,
            seconds: now.saturating_sub(first.waiting.since) / 1_000_000,
            reason: first.waiting.reason.clone(),
        })
    });
    Ok(waits.collect())
}
