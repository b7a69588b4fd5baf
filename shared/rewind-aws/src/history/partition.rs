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
        cursor: index.cursor,
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
    let cursor = index.entries.last().map(|entry| Cursor {
        position: entry.position,
        stream: entry.stream.clone(),
        version: entry.version,
    });
    Ok(IndexPage {
        entries: index.entries,
        cursor,
        is_last,
    })
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
