//! Several partitions, read as one.

use super::partition::{PAGE, page, selected};
use crate::{
    Error,
    event_table::{event_store::EventStore, index::Cursor},
};
use rewind::{RecordedEvent, Selection, StreamName};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Several partitions, read as one, in recorded order.
#[derive(Debug)]
pub struct Merged<'a> {
    store: &'a EventStore,
    selection: &'a Selection,
    until: u64,
    sources: Vec<Source>,
    /// Commits in one page of each partition.
    page: i32,
    /// What was read and is not handed out yet, earliest first.
    waiting: BinaryHeap<Reverse<Ordered>>,
}

/// A step of reading several partitions as one.
#[derive(Debug)]
pub enum Advanced {
    /// The next event.
    Event(Box<RecordedEvent>),
    /// A page was read; the next event may be among it.
    Read,
    /// There is nothing more.
    End,
}

#[derive(Debug)]
struct Source {
    name: String,
    place: Option<Cursor>,
    is_done: bool,
}

#[derive(Debug)]
struct Ordered(RecordedEvent);

impl Ordered {
    fn place(&self) -> (u64, &StreamName, u64) {
        (self.0.position, self.0.stream(), self.0.version)
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.place() == other.place()
    }
}

impl Eq for Ordered {}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

impl<'a> Merged<'a> {
    /// Reads these partitions up to a position. Memory holds a page of each partition.
    pub fn new(
        store: &'a EventStore,
        partitions: impl IntoIterator<Item = String>,
        selection: &'a Selection,
        until: u64,
    ) -> Self {
        let partitions = partitions.into_iter().map(|name| Source {
            name,
            place: None,
            is_done: false,
        });
        Self {
            store,
            selection,
            until,
            sources: partitions.collect(),
            page: PAGE / 4,
            waiting: BinaryHeap::new(),
        }
    }

    /// The next event; `None` behind the last.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails, or a commit is damaged or missing.
    pub async fn next(&mut self) -> Result<Option<RecordedEvent>, Error> {
        loop {
            match self.advance().await? {
                Advanced::Event(event) => return Ok(Some(*event)),
                Advanced::Read => {}
                Advanced::End => return Ok(None),
            }
        }
    }

    /// The next event, or the news that a page was read. A caller with a deadline
    /// looks at the clock in between.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn advance(&mut self) -> Result<Advanced, Error> {
        // A partition has no more events below the position it was read up to.
        let open = self
            .sources
            .iter_mut()
            .filter(|partition| !partition.is_done);
        let slowest =
            open.min_by_key(|partition| partition.place.as_ref().map(|place| place.position));
        let reached = slowest.as_ref().map(|partition| partition.place.as_ref());
        let is_ready = |next: &Ordered| match reached {
            None => true,
            Some(None) => false,
            Some(Some(place)) => next.0.position < place.position,
        };
        let next = self.waiting.peek();
        if next.is_some_and(|Reverse(next)| is_ready(next)) {
            let next = self.waiting.pop();
            return Ok(next.map_or(Advanced::End, |Reverse(Ordered(event))| {
                Advanced::Event(Box::new(event))
            }));
        }
        let Some(partition) = slowest else {
            return Ok(Advanced::End);
        };
        let (after, until) = (partition.place.as_ref(), self.until);
        let page = page(
            self.store,
            &partition.name,
            self.selection,
            after,
            until,
            self.page,
        );
        let page = page.await?;
        partition.is_done = page.is_last;
        partition.place = page.cursor.or(partition.place.take());
        let events = selected(&page.commits, self.selection)?;
        self.waiting
            .extend(events.into_iter().map(|event| Reverse(Ordered(event))));
        Ok(Advanced::Read)
    }
}
