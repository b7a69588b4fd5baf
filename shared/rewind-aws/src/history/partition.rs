//! Partitions: parts of history that are read in recorded order. Here a
//! partition is a part of a category's index, or one stream that a selection
//! names.

use crate::{
    Error,
    event_table::event_store::{After, Entry, EventStore},
};
use rewind::{
    Commit, RecordedEvent, Selection, Service, StreamName,
    selection::Span,
    stream::{PARTITIONS, partition_name},
};
use std::collections::BTreeSet;

pub use crate::event_table::index::Cursor;

/// Commits in one page of a partition.
pub const PAGE: i32 = 100;

/// A page ends when it has this many events, so that its reader shows how far it
/// is. Commits of one event each fill a page before that.
const PAGE_EVENTS: u64 = 1_000;

/// A page ends when it has this many bytes. They are counted after each read of
/// so many commits, as one commit may take 390,000 bytes.
const PAGE_BYTES: usize = 2_000_000;
const COMMITS_AT_ONCE: usize = 25;

/// A page of a partition.
#[derive(Debug, Clone)]
pub struct Page {
    /// The commits that may hold selected events.
    pub commits: Vec<Commit>,
    /// Where the partition was read up to.
    pub cursor: Option<Cursor>,
    /// How many events there are up to the cursor, selected or not.
    pub passed: u64,
    /// Whether this is the partition's last page.
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
    let (mut bytes, mut passed, mut cursor) = (0, 0, None);
    let mut rest = index.entries.as_slice();
    while let Some(last) = at_once(rest, PAGE_EVENTS.saturating_sub(passed)) {
        if bytes > PAGE_BYTES || passed >= PAGE_EVENTS {
            // The index does not know how large commits are: a page of large
            // ones ends early.
            return Ok(Page {
                commits,
                cursor,
                passed,
                is_last: false,
            });
        }
        let (some, behind) = rest.split_at(last + 1);
        rest = behind;
        passed += some.iter().map(|entry| entry.length).sum::<u64>();
        cursor = some.last().map(Entry::cursor);
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
        cursor: index.cursor,
        passed,
        is_last: index.is_last,
    })
}

/// The last of the entries whose commits are read together: so many that they
/// have `most` events, and at most [`COMMITS_AT_ONCE`].
fn at_once(entries: &[Entry], most: u64) -> Option<usize> {
    let mut events = 0;
    let some = entries.iter().take(COMMITS_AT_ONCE).take_while(|entry| {
        let has_room = events < most.max(1);
        events += entry.length;
        has_room
    });
    some.count().checked_sub(1)
}

fn cursor_of(commit: &Commit) -> Cursor {
    Cursor {
        position: commit.position,
        stream: commit.stream.clone(),
        version: commit.version,
        // A stream is read by its versions.
        slice: 0,
    }
}

/// A page of a partition, as the index knows it.
#[derive(Debug, Clone)]
pub struct IndexPage {
    /// The commits' places, whether or not they are selected.
    pub entries: Vec<Entry>,
    /// Where the partition was read up to.
    pub cursor: Option<Cursor>,
    /// Whether this is the partition's last page.
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
        Some(cursor) => After::Commit(cursor.clone()),
        None => After::Position(selection.first_position().saturating_sub(MOST_EVENTS)),
    };
    let mut index = store.read_index(partition, &after, limit).await?;
    let count = index.entries.len();
    index.entries.retain(|entry| entry.position < until);
    // Positions rise: behind an entry that is too late, all are too late.
    let is_last = !index.has_more || index.entries.len() < count;
    let cursor = index.entries.last().map(Entry::cursor);
    Ok(IndexPage {
        entries: index.entries,
        cursor,
        is_last,
    })
}

/// The most commits of a partition whose events are counted. An entry of the
/// index takes about 150 bytes, so these take 375 read units.
const MOST_COUNTED: usize = 20_000;

/// Entries of the index that are read at once to count.
const ENTRIES: i32 = 1_000;

/// How many events of a partition lie below `until` and in the selection's time
/// or versions, whatever else it selects: what a progress is a share of. `None`
/// where there are more than are counted.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn count(
    store: &EventStore,
    partition: &str,
    selection: &Selection,
    until: u64,
) -> Result<Option<u64>, Error> {
    if let Ok(stream) = StreamName::new(partition) {
        let versions = selection.versions.unwrap_or_default();
        let head = store.head(&stream).await?.version;
        let last = versions.to.map_or(head, |to| to.min(head));
        let before = versions.from.unwrap_or(1).saturating_sub(1);
        return Ok(Some(last.saturating_sub(before)));
    }
    let (mut cursor, mut commits, mut events) = (None, 0, 0);
    loop {
        let after = cursor.as_ref();
        let page = entries(store, partition, selection, after, until, ENTRIES).await?;
        commits += page.entries.len();
        events += page.entries.iter().map(|entry| entry.length).sum::<u64>();
        if page.is_last {
            return Ok(Some(events));
        }
        if commits >= MOST_COUNTED {
            return Ok(None);
        }
        cursor = page.cursor.or(cursor);
    }
}

/// A commit that begins at most this far before a position may hold it.
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
        Some(cursor) => store.read(stream, cursor.version).await?,
        None => store.read(stream, first).await?,
    };
    let mut commits = page.commits;
    if let Some(cursor) = after {
        commits.retain(|commit| commit.version > cursor.version);
    }
    let count = commits.len();
    commits.retain(|commit| commit.position < until);
    let is_late = |commit: &Commit| versions.to.is_some_and(|to| commit.last_version() >= to);
    let is_last = !page.has_more || commits.len() < count || commits.last().is_some_and(is_late);
    let cursor = commits.last().map(cursor_of);
    let passed = commits.iter().map(|commit| commit.length).sum();
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
        cursor,
        passed,
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
