//! A partition of a generation, read page by page.

use super::{comparison::Line, cursor::RowAt};
use crate::{
    Error,
    data_table::{data_store::DataStore, row},
};
use std::collections::VecDeque;

/// Rows in one page of each side. A page also ends at 1 MB.
const PAGE: i32 = 500;

/// A partition of a generation, read page by page.
pub(super) struct Reader<'a> {
    store: &'a DataStore,
    partition: String,
    /// Up to where its rows are compared: behind what waits.
    pub(super) place: RowAt,
    /// How far it is read.
    read: RowAt,
    pub(super) waiting: VecDeque<Line>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(store: &'a DataStore, partition: String, place: RowAt) -> Self {
        Self {
            store,
            partition,
            read: place.clone(),
            place,
            waiting: VecDeque::new(),
        }
    }

    pub(super) fn is_to_read(&self) -> bool {
        self.waiting.is_empty() && !self.read.is_last
    }

    /// Reads a page, where nothing waits and there is one.
    pub(super) async fn read(&mut self) -> Result<(), Error> {
        if !self.is_to_read() {
            return Ok(());
        }
        let after = self.read.after.as_deref();
        let (items, next) = self.store.list(&self.partition, "", after, PAGE).await?;
        for item in items {
            let (key, row) = row::row(item)?;
            // One that only says why its first event is not in it is no row.
            if let Some(state) = &row.state {
                self.waiting.push_back(Line {
                    key: key.sk,
                    text: state.to_string(),
                    row,
                });
            }
        }
        self.read.is_last = next.is_none();
        self.read.after = next.or(self.read.after.take());
        self.settle();
        Ok(())
    }

    pub(super) fn take_if(&mut self, is_wanted: bool) -> Option<Line> {
        let line = self.waiting.pop_front_if(|_| is_wanted)?;
        self.place.after = Some(line.key.clone());
        self.settle();
        Some(line)
    }

    /// Where nothing waits, all that is read is compared.
    fn settle(&mut self) {
        if self.waiting.is_empty() {
            self.place = self.read.clone();
        }
    }
}
