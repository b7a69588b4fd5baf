//! Rows that streams share: each equals the fold of all streams' events up to
//! their marks, none is missing and none is too many.
//!
//! Rows are folded in parts, each with a walk over all streams. A row that
//! seems wrong may only have moved on since its streams were read: it is a
//! suspect then, and looked at again.

use super::{
    line,
    one_stream::stored_form,
    readers::Way,
    run::Run,
    tally::{BYTES_AT_ONCE, Name, Scope, Tally},
    walk::{Pages, Visit, begins_with},
};
use crate::{
    Error,
    aws::item::{Item, string},
    data_table::data_store::{self, row_partitions},
    history::resolve,
};
use rewind::{StreamName, Target};
use std::{
    borrow::Cow,
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Rows that are looked at again after one part.
const MAX_SUSPECTS: usize = 10_000;

/// Rows on one page.
const PAGE: i32 = 500;

impl Run<'_> {
    /// Looks at every stream, and at all shared rows, part by part.
    pub(super) async fn check_streams_and_shared_rows(&self) -> Result<(), Error> {
        let mut of = self.parts().await?;
        let mut nth = 0;
        let mut is_first = true;
        while nth < of {
            let tally = Mutex::new(self.tally_of(Scope::Part { nth, of }));
            let visit = match is_first {
                true => Visit::Everything(&tally),
                false => Visit::SharedRows(&tally),
            };
            self.walk(visit).await?;
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

    /// An empty tally of a scope.
    pub(super) fn tally_of(&self, scope: Scope) -> Tally {
        // A part that turns out three times as full as expected is cut.
        Tally::new(scope, 3 * self.rows_at_once as usize)
    }

    /// Into how many parts the shared rows are cut.
    async fn parts(&self) -> Result<u64, Error> {
        let (mut rows, mut bytes) = (0, 0);
        let count = |_, item| {
            rows += 1;
            let row = data_store::row(item).ok();
            let state = row.and_then(|(_, row)| row.state);
            bytes += state.map_or(0, |state| state.to_string().len() as u64);
        };
        self.each_shared_row(count).await?;
        Ok((rows / self.rows_at_once).max(bytes / BYTES_AT_ONCE) + 1)
    }

    /// Folds a stream into shared rows only.
    pub(super) async fn visit_shared(
        &self,
        stream: &StreamName,
        found: u64,
        tally: &Mutex<Tally>,
    ) -> Result<(), Error> {
        let standings = self.standings(stream, |reader| reader.shares_rows(), false);
        let standings = standings.await?;
        let mark = standings.iter().map(|standing| standing.row.watermark);
        let mark = mark.max().unwrap_or_default();
        let mut pages = Pages::of(&self.events, stream);
        let mut is_first = true;
        while let Some(items) = pages.next().await? {
            if is_first && !begins_with(&items, found) {
                return Ok(());
            }
            is_first = false;
            let events = line::read(&items).events;
            let resolved = events.iter().map(Cow::Borrowed).collect();
            let resolved = resolve::resolve(&self.events, resolved).await?;
            self.tally(&standings, &resolved, tally, false);
            if events.last().is_some_and(|event| event.version >= mark) {
                break;
            }
        }
        Ok(())
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
            let stored = data_store::row(item);
            let is_equal = match (stored, expected) {
                (Ok((_, stored)), Some(Ok(state))) => stored.state == Some(stored_form(state)),
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

    /// Hands over every stored row that streams share, with its reader's place.
    async fn each_shared_row(&self, mut take: impl FnMut(usize, Item)) -> Result<(), Error> {
        for (nth, target) in self.shared() {
            for partition in row_partitions(&target) {
                let mut after: Option<String> = None;
                loop {
                    let page = self.store.list(&partition, "", after.as_deref(), PAGE);
                    let (items, next) = page.await?;
                    items.into_iter().for_each(|item| take(nth, item));
                    after = next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// The generations whose shared rows are compared, with the readers' places.
    pub(super) fn shared(&self) -> Vec<(usize, Target)> {
        let readers = self.readers.iter().enumerate();
        let readers = readers.filter(|(_, reader)| reader.shares_rows());
        let shared = readers.filter_map(|(nth, reader)| match &reader.way {
            Way::SharedRows(generation) => Some((nth, generation.target.clone())),
            Way::OneRow(_) | Way::Reaction => None,
        });
        shared.collect()
    }
}
