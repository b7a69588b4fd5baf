//! A sample of rows that streams share: one reading of the projection's
//! categories folds all of them. A row is judged only if nobody wrote it
//! meanwhile, and its projection has taken all events that touch it.

use super::{Differing, Rows, Sampled, Skipped, shown, stored_form};
use crate::{
    Error,
    aws::clock,
    data_table::{data_store::DataStore, key::Key},
    event_table::event_store::EventStore,
    history::{
        merged::{Advanced, Merged},
        partition,
        resolve::resolve,
    },
};
use rewind::{Change, Projection, RecordedEvent, Selection, StreamName, Target};
use serde_json::Value;
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashSet},
    time::Duration,
};

/// How far the index may lag behind the table: as for playbacks.
const INDEX_LAG: Duration = Duration::from_secs(2);

/// Whose rows are looked at.
pub(super) struct At<'a> {
    pub events: &'a EventStore,
    pub store: &'a DataStore,
    pub projection: &'a Projection,
    pub target: &'a Target,
}

/// Rows that are folded anew.
struct Fold<'a> {
    at: &'a At<'a>,
    rows: BTreeMap<String, Folded>,
    /// Streams that cannot go on.
    stalled: HashSet<StreamName>,
}

/// A row that is folded anew.
#[derive(Default)]
struct Folded {
    state: Option<Value>,
    /// The last version of each stream that touches it.
    touched: BTreeMap<StreamName, u64>,
}

impl At<'_> {
    /// Folds rows again, and notes those that differ.
    pub async fn check(&self, rows: Rows, most: u64, sampled: &mut Sampled) -> Result<(), Error> {
        let until = clock::micros();
        // The index has to hold what the rows hold.
        tokio::time::sleep(INDEX_LAG).await;
        let everything = Selection::default();
        let categories: BTreeSet<&str> = self.projection.categories.iter().copied().collect();
        let partitions = partition::of(&everything, &categories);
        let mut merged = Merged::new(self.events, partitions, &everything, until);
        let mut fold = Fold {
            at: self,
            rows: rows
                .iter()
                .map(|(key, _)| (key.clone(), Folded::default()))
                .collect(),
            stalled: HashSet::new(),
        };
        loop {
            let event = match merged.advance().await? {
                Advanced::Event(event) => *event,
                Advanced::Read => continue,
                Advanced::End => break,
            };
            sampled.events += 1;
            if sampled.events > most {
                sampled.skipped = Some(Skipped::TooManyEvents);
                return Ok(());
            }
            fold.take(event).await?;
        }
        let keys: Vec<Key> = rows
            .iter()
            .map(|(key, _)| Key::row(self.target, key))
            .collect();
        let now = self.store.rows(&keys).await?;
        for ((key, before), place) in rows.into_iter().zip(&keys) {
            let Some(folded) = fold.rows.remove(&key) else {
                continue;
            };
            let after = now.get(place);
            let is_still = after.is_some_and(|after| after.revision == before.revision);
            if !is_still || !self.has_taken(&folded, &fold.stalled).await? {
                sampled.unsettled += 1;
                continue;
            }
            sampled.rows += 1;
            let state = folded.state.map(stored_form);
            if state != before.state {
                let expected = shown(state.as_ref());
                let differing = Differing::new(key, before.state.as_ref(), expected);
                sampled.differing.push(differing);
            }
        }
        Ok(())
    }

    /// Whether the projection has taken all events that touch a row.
    async fn has_taken(
        &self,
        folded: &Folded,
        stalled: &HashSet<StreamName>,
    ) -> Result<bool, Error> {
        let reader = self.target.to_string();
        let streams: Vec<&StreamName> = folded.touched.keys().collect();
        if streams.iter().any(|stream| stalled.contains(*stream)) {
            return Ok(false);
        }
        let keys = streams.iter();
        let keys: Vec<Key> = keys
            .map(|stream| Key::checkpoint(&reader, stream.as_str()))
            .collect();
        let watermarks = self.store.watermarks(&keys).await?;
        let mut touched = folded.touched.values().zip(&keys);
        Ok(touched.all(|(version, key)| watermarks.get(key).is_some_and(|at| at >= version)))
    }
}

impl Fold<'_> {
    /// Takes an event, in recorded order.
    async fn take(&mut self, event: RecordedEvent) -> Result<(), Error> {
        if self.stalled.contains(event.stream()) {
            return Ok(());
        }
        let (stream, version) = (event.stream().clone(), event.version);
        let resolved = resolve(self.at.events, vec![Cow::Owned(event)]).await?;
        for resolved in &resolved {
            let change = resolved.change(None);
            let root = match change {
                Change::Void(_) | Change::Pass => continue,
                Change::Apply(root) | Change::Revert(root) => root,
            };
            let projection = self.at.projection;
            let keys = match resolved.refused() {
                Some(refused) => Err(refused),
                None => projection.keys(root),
            };
            let Ok(keys) = keys else {
                self.stalled.insert(stream.clone());
                continue;
            };
            for key in keys {
                let Some(row) = self.rows.get_mut(&key) else {
                    continue;
                };
                row.touched.insert(stream.clone(), version);
                let folded = projection.fold(&key, row.state.as_ref(), &[change]);
                row.state = folded.row;
                if folded.rejection.is_some() {
                    self.stalled.insert(stream.clone());
                }
            }
        }
        Ok(())
    }
}
