//! Partitions: how history is read in recorded order. A partition is a partition of a
//! category's index, or one stream that was asked for by its name.

use crate::{
    Error,
    event_table::event_store::{After, Entry, EventStore},
};
use rewind::{
    Commit, RecordedEvent, Selection, Service, StreamName,
    selection::Span,
    stream::{PARTITIONS, partition_name},
};
use serde::{Deserialize, Serialize};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap},
};

/// Commits in one page of a partition.
pub const PAGE: i32 = 100;

/// The bytes from which on a page ends, and how many commits are read at once
/// before they are looked at: each may take 390,000.
const PAGE_BYTES: usize = 2_000_000;
const COMMITS_AT_ONCE: usize = 25;

/// Where a partition was read up to: its last commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The commit's first position.
    pub position: u64,
    /// Its stream.
    pub stream: StreamName,
    /// Its first version.
    pub version: u64,
}

/// A page of a partition.
#[derive(Debug, Clone)]
pub struct Page {
    /// The commits that may hold selected events.
    pub commits: Vec<Commit>,
    /// Where the partition was read up to.
    pub cursor: Option<Cursor>,
    /// Whether it is read to its end.
    pub is_last: bool,
}

/// The names of the partitions that a selection lies in.
pub fn of(selection: &Selection, categories: &BTreeSet<&str>) -> Vec<String> {
    if !selection.streams.is_empty() {
        let streams: BTreeSet<&StreamName> = selection.streams.iter().collect();
        return streams.into_iter().map(ToString::to_string).collect();
    }
    let categories = categories.iter();
    categories
        .flat_map(|category| {
            (0..PARTITIONS).map(move |partition| partition_name(category, partition))
        })
        .collect()
}

/// The categories that a selection is about: those that it names, or all that
/// a service knows.
pub fn categories<'a>(selection: &'a Selection, service: &'a Service) -> BTreeSet<&'a str> {
    match selection.categories.is_empty() {
        true => service.categories(),
        false => selection.categories.iter().map(String::as_str).collect(),
    }
}

/// The next page of a partition, behind `after`, of what has a position below
/// `until`.
///
/// # Errors
///
/// When DynamoDB fails, or a commit is damaged or missing.
pub async fn page(
    store: &EventStore,
    partition: &str,
    selection: &Selection,
    after: Option<&Cursor>,
    until: u64,
    limit: i32,
) -> Result<Page, Error> {
    if let Ok(stream) = StreamName::new(partition) {
        return stream_page(store, &stream, selection, after, until).await;
    }
    let index = entries(store, partition, selection, after, until, limit).await?;
    let mut commits: Vec<Commit> = Vec::new();
    let mut bytes = 0;
    for some in index.entries.chunks(COMMITS_AT_ONCE) {
        if bytes > PAGE_BYTES {
            // The index does not know how large commits are: a page of large
            // ones ends early.
            let last = commits.last().map(cursor_of);
            return Ok(Page {
                commits,
                cursor: last,
                is_last: false,
            });
        }
        let wanted = some.iter();
        let wanted = wanted.filter(|entry| selection.may_take(&entry.span()));
        let keys: Vec<(&StreamName, u64)> =
            wanted.map(|entry| (&entry.stream, entry.version)).collect();
        let read = store.get(&keys).await?;
        bytes += read.iter().map(|commit| commit.events.len()).sum::<usize>();
        commits.extend(read);
    }
    Ok(Page {
        commits,
        cursor: index.place,
        is_last: index.is_last,
    })
}

fn cursor_of(commit: &Commit) -> Cursor {
    Cursor {
        position: commit.position,
        stream: commit.stream.clone(),
        version: commit.version,
    }
}

/// A page of a partition, as the index knows it.
#[derive(Debug, Clone)]
pub struct IndexPage {
    /// The commits' places, whether or not they are selected.
    pub entries: Vec<Entry>,
    /// Where the partition was read up to.
    pub place: Option<Cursor>,
    /// Whether it is read to its end.
    pub is_last: bool,
}

/// As [`page`], for a partition, without the commits themselves.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn entries(
    store: &EventStore,
    partition: &str,
    selection: &Selection,
    after: Option<&Cursor>,
    until: u64,
    limit: i32,
) -> Result<IndexPage, Error> {
    let after = match after {
        Some(place) => After::Commit(place.clone()),
        None => After::Position(selection.first_position().saturating_sub(MOST_EVENTS)),
    };
    let mut index = store.read_index(partition, &after, limit).await?;
    let count = index.entries.len();
    index.entries.retain(|entry| entry.position < until);
    // Entries rise: behind one that is too late there are none.
    let is_last = !index.has_more || index.entries.len() < count;
    let place = index.entries.last().map(|entry| Cursor {
        position: entry.position,
        stream: entry.stream.clone(),
        version: entry.version,
    });
    Ok(IndexPage {
        entries: index.entries,
        place,
        is_last,
    })
}

/// A commit that begins so far before a position may still reach it.
const MOST_EVENTS: u64 = rewind::commit::MAX_COMMIT_EVENTS as u64;

async fn stream_page(
    store: &EventStore,
    stream: &StreamName,
    selection: &Selection,
    after: Option<&Cursor>,
    until: u64,
) -> Result<Page, Error> {
    let versions = selection.versions.unwrap_or_default();
    let first = versions.from.unwrap_or(1).saturating_sub(1);
    // `read` gives the commit across `after`: what is behind a commit's begin
    // is behind the commit.
    let page = match after {
        Some(place) => store.read(stream, place.version).await?,
        None => store.read(stream, first).await?,
    };
    let mut commits = page.commits;
    if let Some(place) = after {
        commits.retain(|commit| commit.version > place.version);
    }
    let count = commits.len();
    commits.retain(|commit| commit.position < until);
    let is_late = |commit: &Commit| versions.to.is_some_and(|to| commit.last_version() >= to);
    let is_last = !page.has_more || commits.len() < count || commits.last().is_some_and(is_late);
    let place = commits.last().map(cursor_of);
    commits.retain(|commit| {
        selection.may_take(&Span {
            stream: &commit.stream,
            version: commit.version,
            length: commit.length,
            position: commit.position,
        })
    });
    Ok(Page {
        commits,
        cursor: place,
        is_last,
    })
}

/// The selected events of some commits, in their order.
///
/// # Errors
///
/// When a commit cannot be read.
pub fn selected(commits: &[Commit], selection: &Selection) -> Result<Vec<RecordedEvent>, Error> {
    let mut events = Vec::new();
    for commit in commits {
        let of_commit = commit.events()?.into_iter();
        events.extend(of_commit.filter(|event| selection.takes(event)));
    }
    Ok(events)
}

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

    /// The next event, or one page read: who has little time looks at the clock
    /// in between.
    ///
    /// # Errors
    ///
    /// As [`next`](Self::next).
    pub async fn advance(&mut self) -> Result<Advanced, Error> {
        // Nothing earlier can come of a partition than where it was read up to.
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
