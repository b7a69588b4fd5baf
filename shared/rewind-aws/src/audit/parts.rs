//! Rows that streams share: each equals the fold of all streams' events up to
//! their checkpoints, none is missing and none is too many.
//!
//! Rows are folded in parts, each with a walk over all streams. A row that
//! seems wrong may only have moved on since its streams were read: it is a
//! suspect then, and looked at again.

use super::{
    look::Run,
    readers::Way,
    state::stored_form,
    tally::{BYTES_AT_ONCE, Name, Scope, Tally},
    walk::Walk,
};
use crate::{
    Error,
    aws::item::string,
    data_table::row::{self, Row},
};
use rewind::StreamName;
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Rows that are looked at again after one part.
const MAX_SUSPECTS: usize = 10_000;

impl Run<'_> {
    /// Looks at every stream, and at all shared rows, part by part.
    pub(super) async fn check_streams_and_shared_rows(&self) -> Result<(), Error> {
        let mut of = self.parts().await?;
        let mut nth = 0;
        let mut is_first = true;
        while nth < of {
            let tally = Mutex::new(self.tally_of(Scope::Part { nth, of }));
            let rows = &tally;
            if is_first {
                let visit = |stream: StreamName, found| async move {
                    self.visit(&stream, found, rows).await
                };
                self.walk(Walk::FIRST, visit).await?;
            } else {
                let visit = |stream: StreamName, found| async move {
                    self.visit_shared(&stream, found, rows).await
                };
                self.walk(Walk::SHARED_ROWS, visit).await?;
            }
            is_first = false;
            let tally = tally.into_inner();
            let tally = tally.unwrap_or_else(PoisonError::into_inner);
            if tally.is_overfull {
                // There have to be far more rows than there are: the parts
                // that are checked stay checked, as each is cut in four.
                (nth, of) = (nth * 4, of * 4);
                continue;
            }
            let suspects = self.compare(tally).await?;
            self.confirm(suspects).await?;
            nth += 1;
        }
        Ok(())
    }

    /// Into how many parts the shared rows are cut.
    async fn parts(&self) -> Result<u64, Error> {
        let (mut rows, mut bytes) = (0, 0);
        let count = |_, item| {
            rows += 1;
            let row = row::row(item).ok();
            let state = row.and_then(|(_, row)| row.state);
            bytes += state.map_or(0, |state| state.to_string().len() as u64);
        };
        self.each_shared_row(count).await?;
        Ok((rows / self.rows_at_once).max(bytes / BYTES_AT_ONCE) + 1)
    }

    /// Checks that a stored row is found by its secondary key.
    fn check_shared_secondary(&self, (nth, key): &Name, row: &Row) {
        let reader = &self.readers[*nth];
        if let Way::SharedRows(generation) = &reader.way {
            let place = format!("{}/{key}", reader.name);
            self.check_secondary(&generation.projection, place, row);
        }
    }

    /// Compares the stored rows of a scope with the folded ones, and names
    /// those that seem wrong.
    async fn compare(&self, mut tally: Tally) -> Result<HashSet<Name>, Error> {
        let mut suspects = HashSet::new();
        let compare = |nth, item| {
            // The key is there, or the item would not be on the page.
            let key = string(&item, "sk").unwrap_or_default().to_string();
            if !tally.scope.holds(nth, &key) {
                return;
            }
            let name = (nth, key);
            let expected = tally.rows.remove(&name);
            let stored = row::row(item);
            let is_equal = match (stored, expected) {
                (Ok((_, stored)), Some(Ok(state))) => {
                    self.check_shared_secondary(&name, &stored);
                    stored.state == Some(stored_form(state))
                }
                // A deleted row is none, and keeps its revision.
                (Ok((_, stored)), None) => stored.state.is_none(),
                _ => false,
            };
            if !is_equal {
                suspects.insert(name);
            }
        };
        self.each_shared_row(compare).await?;
        suspects.extend(tally.rows.into_keys());
        if suspects.len() > MAX_SUSPECTS {
            let rest = suspects.len() - MAX_SUSPECTS;
            self.count(|counts| counts.unsettled += rest as u64);
            suspects = suspects.into_iter().take(MAX_SUSPECTS).collect();
        }
        Ok(suspects)
    }
}
