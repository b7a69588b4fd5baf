//! A row that streams share, folded from recorded history.

use super::{
    merged::{Advanced, Merged},
    partition,
    resolved::resolve,
    subject::Refolded,
};
use crate::{Error, event_table::event_store::EventStore};
use rewind::{Change, Projection, Selection, StreamName};
use std::{borrow::Cow, collections::HashSet, time::Instant};

/// Folds a row that streams share, from everything that was recorded up to a
/// position: the row as it was then. `None` when the deadline came first, as
/// all of the projection's categories are read.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn fold_shared(
    store: &EventStore,
    projection: &Projection,
    key: &str,
    position: u64,
    deadline: Instant,
) -> Result<Option<Refolded>, Error> {
    let everything = Selection::default();
    let categories = projection.categories.iter().copied().collect();
    let partitions = partition::of(&everything, &categories);
    let mut merged = Merged::new(store, partitions, &everything, position.saturating_add(1));
    let mut row = Refolded::default();
    // Streams that cannot go on, as they could not then.
    let mut stalled: HashSet<StreamName> = HashSet::new();
    loop {
        let event = match merged.advance().await? {
            Advanced::Event(event) => *event,
            Advanced::Read if Instant::now() > deadline => return Ok(None),
            Advanced::Read => continue,
            Advanced::End => return Ok(Some(row)),
        };
        if event.position > position || stalled.contains(event.stream()) {
            continue;
        }
        let stream = event.stream().clone();
        let resolved = resolve(store, vec![Cow::Owned(event)]).await?;
        for resolved in &resolved {
            let change = resolved.change(None);
            let keys = match change {
                Change::Void(_) | Change::Pass => continue,
                _ if resolved.refused().is_some() => {
                    stalled.insert(stream.clone());
                    continue;
                }
                Change::Apply(root) | Change::Revert(root) => projection.keys(root),
            };
            let refused = match keys {
                Ok(keys) if keys.iter().any(|touched| touched == key) => {
                    let folded = projection.fold(key, row.state.as_ref(), &[change]);
                    row.state = folded.row;
                    folded.rejection
                }
                Ok(_) => None,
                Err(refused) => Some(refused),
            };
            if refused.is_some() {
                stalled.insert(stream.clone());
            }
        }
    }
}
