//! Deadlines by the time at which they are due: what the timer looks at. They
//! are a fold of the journals, kept up by whoever reads those, in one
//! transaction with its checkpoint.

use crate::{
    Error,
    aws::item::{Item, string},
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{Row, row},
        transaction::Write,
    },
};
use futures::future::try_join_all;
use rewind::{
    Instance, Runner, StreamName, Timestamp,
    stream::{PARTITIONS, partition_of},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The partitions of all deadlines begin with this.
const DEADLINES: &str = "rewind#deadlines/";

/// What is added to a time, in microseconds, so that it is no negative number:
/// it then has 19 digits, and texts are in the order of times.
const OFFSET: i64 = 1_000_000_000_000_000_000;

/// A deadline that is due some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Timestamp,
    /// The journal.
    pub journal: StreamName,
    /// The version of its `deadline-set`.
    pub set: u64,
    /// Its name.
    pub name: String,
    /// Whose.
    pub process: String,
    /// Where the item lies.
    pub key: Key,
}

/// What an item holds beside its key.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    name: String,
    process: String,
}

/// The partitions of deadlines.
pub(super) fn partitions() -> impl Iterator<Item = String> {
    (0..PARTITIONS).map(|partition| format!("{DEADLINES}{partition}"))
}

/// The deadlines that are due first, and whether there are more.
///
/// # Errors
///
/// When DynamoDB fails or an item is damaged.
pub async fn first(store: &DataStore, most: usize) -> Result<(Vec<Deadline>, bool), Error> {
    let limit = i32::try_from(most).unwrap_or(i32::MAX).max(1);
    let pages = partitions().map(|pk| async move { store.list(&pk, "", None, limit).await });
    let pages = try_join_all(pages).await?;
    let mut has_more = pages.iter().any(|(_, next)| next.is_some());
    let items = pages.into_iter().flat_map(|(items, _)| items);
    let mut deadlines = items.map(read).collect::<Result<Vec<_>, _>>()?;
    deadlines.sort_by_key(|deadline| deadline.at);
    has_more |= deadlines.len() > most;
    deadlines.truncate(most);
    Ok((deadlines, has_more))
}

/// The key behind all deadlines that are due at a time, within a partition.
pub(super) fn behind(at: Timestamp) -> String {
    // Behind each `/` that follows the time.
    format!("{}0", digits(at))
}

fn digits(at: Timestamp) -> String {
    format!("{:019}", at.as_microsecond() + OFFSET)
}

fn key(journal: &StreamName, at: Timestamp, set: u64) -> Key {
    Key {
        pk: format!("{DEADLINES}{}", partition_of(journal.as_str())),
        sk: format!("{}/{journal}/{set}", digits(at)),
    }
}

/// What changes in the list of deadlines from what a journal's reader knows of
/// it, `known`, to what its instance has open: the writes, and what is then
/// known.
pub(crate) fn changes(
    runner: &Runner,
    known: Option<&Value>,
    instance: &Instance,
) -> (Vec<Write>, Value) {
    let known: BTreeSet<String> = known
        .and_then(|known| serde_json::from_value(known["deadlines"].clone()).ok())
        .unwrap_or_default();
    let open: BTreeMap<String, (Key, &str)> = instance
        .deadlines
        .iter()
        .map(|(name, due)| {
            let key = key(&instance.stream, due.at, due.set);
            (key.sk.clone(), (key, name.as_str()))
        })
        .collect();
    let pk = format!("{DEADLINES}{}", partition_of(instance.stream.as_str()));
    let over = known.iter().filter(|sk| !open.contains_key(*sk));
    let over = over.map(|sk| Write::Delete {
        key: Key {
            pk: pk.clone(),
            sk: sk.clone(),
        },
    });
    let new = open.iter().filter(|(sk, _)| !known.contains(*sk));
    let new = new.map(|(_, (key, name))| {
        let held = Held {
            name: (*name).to_string(),
            process: runner.name.to_string(),
        };
        Write::Replace {
            key: key.clone(),
            row: Row {
                state: Some(json!(held)),
                ..Row::default()
            },
            expires: None,
        }
    });
    let writes = over.chain(new).collect();
    let now: Vec<&String> = open.keys().collect();
    (writes, json!({ "deadlines": now }))
}

/// An item of the list.
pub(super) fn read(item: Item) -> Result<Deadline, Error> {
    let sk = string(&item, "sk")?.to_string();
    let damaged = || Error::damaged(format!("deadline {sk}"), "its key is none of a deadline");
    let mut parts = sk.splitn(3, '/');
    let (Some(at), Some(journal), Some(set)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(damaged());
    };
    let at = at.parse::<i64>().ok().and_then(|at| {
        let at = at.checked_sub(OFFSET)?;
        Timestamp::from_microsecond(at).ok()
    });
    let (Some(at), Ok(journal), Ok(set)) = (at, StreamName::new(journal), set.parse()) else {
        return Err(damaged());
    };
    let (key, row) = row(item)?;
    let held: Held = serde_json::from_value(row.state.unwrap_or_default())
        .map_err(|error| Error::damaged(format!("deadline {sk}"), error))?;
    Ok(Deadline {
        at,
        journal,
        set,
        name: held.name,
        process: held.process,
        key,
    })
}
