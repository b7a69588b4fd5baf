//! The rows that streams share: as they are stored, and folded anew.

use super::{
    line,
    look::Run,
    pages::{Pages, begins_with},
    readers::Way,
    tally::{Scope, Tally},
};
use crate::{Error, aws::item::Item, data_table::key::row_partitions, history::resolve};
use rewind::{StreamName, Target};
use std::{borrow::Cow, sync::Mutex};

/// Rows on one page.
const PAGE: i32 = 500;

impl Run<'_> {
    /// An empty tally of a scope.
    pub(super) fn tally_of(&self, scope: Scope) -> Tally {
        // A part that turns out three times as full as expected is cut.
        Tally::new(scope, 3 * self.rows_at_once as usize)
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
        let checkpoints = standings.iter().map(|standing| standing.row.watermark);
        let last = checkpoints.max().unwrap_or_default();
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
            if events.last().is_some_and(|event| event.version >= last) {
                break;
            }
        }
        Ok(())
    }

    /// Hands over every stored row that streams share, with its reader's place.
    pub(super) async fn each_shared_row(
        &self,
        mut take: impl FnMut(usize, Item),
    ) -> Result<(), Error> {
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
