//! Deadlines that are due and have not fired: `/health` tells of them.

use super::{due, timer};
use crate::{Error, data_table::data_store::DataStore};
use rewind::{Service, Timestamp};

/// Deadlines of a partition that are read in one go.
const PAGE: i32 = 50;

/// The deadlines that are due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Overdue {
    /// How many there are, at least.
    pub count: u64,
    /// When the first of them was due.
    pub since: Option<Timestamp>,
}

/// What is due at `now`. What its process has refused is left out, because it
/// waits for its operator, and so is what no process of the service has set.
///
/// # Errors
///
/// When DynamoDB fails or an item is damaged.
pub async fn overdue(
    service: &Service,
    store: &DataStore,
    now: Timestamp,
) -> Result<Overdue, Error> {
    let refused = timer::refused(service, store).await?;
    let end = due::behind(now);
    let mut overdue = Overdue::default();
    for pk in due::partitions() {
        let mut after: Option<String> = None;
        loop {
            let (items, next) = store.list(&pk, "", after.as_deref(), PAGE).await?;
            let mut is_over = next.is_none();
            for item in items {
                let deadline = due::read(item)?;
                if deadline.key.sk >= end {
                    is_over = true;
                    break;
                }
                let mut runners = service.runners().iter();
                let is_known = runners.any(|runner| runner.name == deadline.process);
                if is_known && !refused.contains(&deadline.journal) {
                    let since = overdue.since.map_or(deadline.at, |at| at.min(deadline.at));
                    overdue.since = Some(since);
                    overdue.count += 1;
                    // They are in order: the rest of the page is counted.
                    is_over = true;
                }
            }
            if is_over {
                break;
            }
            after = next;
        }
    }
    Ok(overdue)
}
