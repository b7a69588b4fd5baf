//! Rows that streams share, folded from recorded history.

use super::{
    merged::{Advanced, Merged},
    partition,
    resolved::resolve,
};
use crate::{Error, event_table::event_store::EventStore};
use rewind::{Change, Projection, Selection, StreamName};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, HashSet},
    time::Instant,
};

/// How many bytes the rows may take that are folded at once: about the size of
/// their JSON, and memory takes some times as much.
const MOST_BYTES: usize = 20_000_000;

/// A moment in the past.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// The last position that counts.
    pub position: u64,
    /// Which of the events up to there count, where not all do.
    pub selection: Option<&'a Selection>,
}

/// Which rows are asked for.
#[derive(Debug, Clone, Copy)]
pub enum Wanted<'a> {
    /// The one of this key.
    Key(&'a str),
    /// Those whose keys begin with this.
    Prefix(&'a str),
}

impl Wanted<'_> {
    fn is(&self, key: &str) -> bool {
        match self {
            Self::Key(wanted) => key == *wanted,
            Self::Prefix(prefix) => key.starts_with(prefix),
        }
    }
}

/// Folds rows that streams share from everything that was recorded: the rows as
/// they were then, by key. `None` when the deadline came first, as all of the
/// projection's categories are read, or when the rows are too large to be folded
/// at once.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn fold_shared(
    store: &EventStore,
    projection: &Projection,
    wanted: Wanted<'_>,
    past: Past<'_>,
    deadline: Instant,
) -> Result<Option<BTreeMap<String, Value>>, Error> {
    let everything = Selection::default();
    let categories = projection.categories.iter().copied().collect();
    let partitions = partition::of(&everything, &categories);
    let end = past.position.saturating_add(1);
    let mut merged = Merged::new(store, partitions, &everything, end);
    let mut rows: BTreeMap<String, Value> = BTreeMap::new();
    let mut bytes = 0;
    // Streams that cannot go on, as they could not then.
    let mut stalled: HashSet<StreamName> = HashSet::new();
    loop {
        let event = match merged.advance().await? {
            Advanced::Event(event) => *event,
            Advanced::Read if Instant::now() > deadline || bytes > MOST_BYTES => return Ok(None),
            Advanced::Read => continue,
            Advanced::End => return Ok(Some(rows)),
        };
        if event.position > past.position || stalled.contains(event.stream()) {
            continue;
        }
        let stream = event.stream().clone();
        let resolved = resolve(store, vec![Cow::Owned(event)]).await?;
        for resolved in &resolved {
            let change = resolved.change(past.selection);
            let keys = match change {
                Change::Void(_) | Change::Pass => continue,
                _ if resolved.refused().is_some() => {
                    stalled.insert(stream.clone());
                    continue;
                }
                Change::Apply(root) | Change::Revert(root) => projection.keys(root),
            };
            let keys = match keys {
                Ok(keys) => keys,
                Err(_) => {
                    stalled.insert(stream.clone());
                    continue;
                }
            };
            let mut refused = false;
            for key in keys.into_iter().filter(|key| wanted.is(key)) {
                let before = rows.remove(&*key);
                let folded = projection.fold(&key, before.as_ref(), &[change]);
                refused |= folded.rejection.is_some();
                bytes -= before.as_ref().map_or(0, size).min(bytes);
                if let Some(row) = folded.row {
                    bytes += size(&row);
                    rows.insert(key.to_string(), row);
                }
            }
            if refused {
                stalled.insert(stream.clone());
            }
        }
    }
}

/// About how many bytes a row takes.
fn size(row: &Value) -> usize {
    match row {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => 8 + text.len(),
        Value::Array(items) => 8 + items.iter().map(size).sum::<usize>(),
        Value::Object(members) => {
            let members = members.iter();
            8 + members
                .map(|(name, value)| name.len() + size(value))
                .sum::<usize>()
        }
    }
}
