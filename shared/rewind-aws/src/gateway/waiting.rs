//! The list of logs in which a call waits: what the schedule looks at. Whoever
//! reads a log keeps it up, in one transaction with its checkpoint.

use crate::{
    Error,
    aws::item::string,
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{Row, Written, row},
        transaction::Write,
    },
};
use futures::future::try_join_all;
use rewind::{
    StreamName,
    stream::{PARTITIONS, partition_of},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// The partitions of all entries begin with this.
const CALLS: &str = "rewind#calls/";

/// Entries of a partition that are read in one go.
const PAGE: i32 = 100;

/// Why a log waits, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The next attempt is made no sooner, in microseconds since 1970.
    pub due: u64,
    /// Since when the log waits, in microseconds since 1970.
    pub since: u64,
    /// The key of the call.
    pub call: String,
    /// The version of the attempt that has ended, and is in the log without an
    /// end; 0 where there is none.
    pub ended: u64,
    /// Why it waits.
    pub reason: String,
    /// Whether that attempt may have reached the outside.
    pub may_have_acted: bool,
}

/// An entry of the list as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The log.
    pub stream: StreamName,
    /// What it says.
    pub waiting: Waiting,
    revision: u64,
}

fn key(stream: &StreamName) -> Key {
    Key {
        pk: format!("{CALLS}{}", partition_of(stream.as_str())),
        sk: stream.to_string(),
    }
}

/// The entry of a log, strongly consistent.
///
/// # Errors
///
/// When DynamoDB fails or the entry is damaged.
pub async fn read(store: &DataStore, stream: &StreamName) -> Result<Option<Entry>, Error> {
    let row = store.get(&key(stream)).await?;
    row.map(|row| entry(stream.clone(), row)).transpose()
}

/// One page of all entries, and where to go on.
///
/// # Errors
///
/// When DynamoDB fails or an entry is damaged.
pub async fn list(
    store: &DataStore,
    partition: u8,
    after: Option<&str>,
) -> Result<(Vec<Entry>, Option<String>), Error> {
    let pk = format!("{CALLS}{partition}");
    let (items, next) = store.list(&pk, "", after, PAGE).await?;
    let entries = items.into_iter().map(|item| {
        let sk = string(&item, "sk")?.to_string();
        let stream = StreamName::new(&*sk)
            .map_err(|error| Error::damaged(format!("waiting call {sk}"), error))?;
        entry(stream, row(item)?.1)
    });
    Ok((entries.collect::<Result<_, _>>()?, next))
}

/// The logs that wait, those that have waited longest first, and whether there
/// may be more: one page of each partition is read.
///
/// # Errors
///
/// When DynamoDB fails or an entry is damaged.
pub async fn longest(store: &DataStore, most: usize) -> Result<(Vec<Entry>, bool), Error> {
    let pages = partitions().map(|partition| list(store, partition, None));
    let pages = try_join_all(pages).await?;
    let mut has_more = pages.iter().any(|(_, next)| next.is_some());
    let mut entries: Vec<Entry> = pages.into_iter().flat_map(|(entries, _)| entries).collect();
    entries.sort_by_key(|entry| entry.waiting.since);
    has_more |= entries.len() > most;
    entries.truncate(most);
    Ok((entries, has_more))
}

/// The partitions of the list.
pub fn partitions() -> impl Iterator<Item = u8> {
    0..PARTITIONS
}

fn entry(stream: StreamName, row: Row) -> Result<Entry, Error> {
    let waiting = serde_json::from_value(row.state.unwrap_or_default())
        .map_err(|error| Error::damaged(format!("waiting call {stream}"), error))?;
    Ok(Entry {
        stream,
        waiting,
        revision: row.revision,
    })
}

/// What changes in the list for a log, from the entry that was read to what
/// waits now. The write fails where somebody has changed the entry meanwhile.
pub(crate) fn change(
    stream: &StreamName,
    was: Option<&Entry>,
    now: Option<&Waiting>,
) -> Option<Write> {
    let key = key(stream);
    let seen = was.map_or(0, |was| was.revision);
    match (was, now) {
        (None, None) => None,
        (Some(was), Some(now)) if was.waiting == *now => None,
        (Some(_), None) => Some(Write::Remove { key, seen }),
        (_, Some(now)) => {
            let state = Some(json!(now));
            let row = Row {
                state,
                ..Row::default()
            };
            Some(Write::Put { key, row, seen })
        }
    }
}

/// Writes a change by itself.
///
/// # Errors
///
/// When DynamoDB fails.
pub(super) async fn write(store: &DataStore, change: Option<Write>) -> Result<Written, Error> {
    match change {
        Some(change) => store.write_together(&[change]).await,
        None => Ok(Written::Done),
    }
}
