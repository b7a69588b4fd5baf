//! The items of a stream, page by page.

use crate::{
    Error,
    aws::item::{Item, number},
    event_table::event_store::EventStore,
};
use rewind::StreamName;

/// A stream's items, page by page.
pub(super) struct Pages<'a> {
    store: &'a EventStore,
    stream: &'a StreamName,
    start: Option<Item>,
    has_more: bool,
}

impl<'a> Pages<'a> {
    pub fn of(store: &'a EventStore, stream: &'a StreamName) -> Self {
        Self {
            store,
            stream,
            start: None,
            has_more: true,
        }
    }

    /// The next page; `None` behind the last.
    pub async fn next(&mut self) -> Result<Option<Vec<Item>>, Error> {
        if !self.has_more {
            return Ok(None);
        }
        let page = self.store.items(self.stream.as_str(), self.start.take());
        let (items, next) = page.await?;
        self.has_more = next.is_some();
        self.start = next;
        Ok(Some(items))
    }
}

/// Whether a stream begins with the item by which it was found.
pub(super) fn begins_with(items: &[Item], version: u64) -> bool {
    let first = items.first().and_then(|item| number(item, "version").ok());
    first == Some(version)
}
