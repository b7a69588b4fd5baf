//! Finds every stream by a scan of the events table's keys, and visits several
//! at a time.

use super::{
    report::{Kind, Violation},
    run::{Run, locked},
    tally::Tally,
};
use crate::{
    Error,
    aws::item::{Item, number, string},
    event_table::event_store::EventStore,
};
use futures::{TryStreamExt, stream};
use rewind::StreamName;
use std::sync::Mutex;

/// Streams that are visited at once.
const CONCURRENCY: usize = 16;

/// What is looked at on the way.
#[derive(Clone, Copy)]
pub(super) enum Visit<'a> {
    /// Everything that stands on its own, and some of the shared rows.
    Everything(&'a Mutex<Tally>),
    /// Some of the shared rows.
    SharedRows(&'a Mutex<Tally>),
    /// The index's entries of some partitions, one by one.
    Index(&'a std::collections::BTreeSet<String>),
}

/// A stream, and the version of the item by which the scan came upon it.
type Found = (StreamName, u64);

/// Where a scan is.
struct Scan {
    start: Option<Item>,
    last: Option<Found>,
    done: u64,
}

impl Run<'_> {
    /// Visits every stream.
    pub(super) async fn walk(&self, visit: Visit<'_>) -> Result<(), Error> {
        let about = self.events.estimated_items().await;
        let scan = Scan {
            start: None,
            last: None,
            done: 0,
        };
        let pages = stream::try_unfold(Some(scan), |scan| async move {
            let Some(mut scan) = scan else {
                return Ok::<_, Error>(None);
            };
            let (items, next) = self.events.scan_keys(scan.start.take()).await?;
            scan.done += items.len() as u64;
            let found = self.found(&items, &mut scan.last, visit);
            let what = match visit {
                Visit::Everything(_) => "events",
                Visit::SharedRows(_) => "shared rows",
                Visit::Index(_) => "index",
            };
            locked(&self.ledger).progress(what, scan.done, about.max(scan.done));
            scan.start = next;
            let rest = scan.start.is_some().then_some(scan);
            Ok(Some((stream::iter(found.into_iter().map(Ok)), rest)))
        });
        let streams = pages.try_flatten();
        streams
            .try_for_each_concurrent(CONCURRENCY, |(stream, version)| async move {
                match visit {
                    Visit::Everything(tally) => self.visit(&stream, version, tally).await,
                    Visit::SharedRows(tally) => self.visit_shared(&stream, version, tally).await,
                    Visit::Index(partitions) => {
                        self.visit_index(&stream, version, partitions).await
                    }
                }
            })
            .await
    }

    /// The streams on a page. A scan keeps the items of a stream together and
    /// in order, which is not promised: so a stream is found again where it
    /// is not, and the visit goes on only from the stream's first item.
    fn found(&self, items: &[Item], last: &mut Option<Found>, visit: Visit<'_>) -> Vec<Found> {
        let mut found = Vec::new();
        let is_first_walk = matches!(visit, Visit::Everything(_));
        for item in items {
            let (name, version) = match (string(item, "stream"), number(item, "version")) {
                (Ok(name), Ok(version)) => (name, version),
                (Err(error), _) | (_, Err(error)) => {
                    self.damaged("events", &error, is_first_walk);
                    continue;
                }
            };
            if name.starts_with('#') {
                if is_first_walk {
                    self.count(|counts| counts.claims += 1);
                }
                continue;
            }
            let stream = match StreamName::new(name) {
                Ok(stream) => stream,
                Err(bad) => {
                    let place = format!("{name}@{version}");
                    if is_first_walk {
                        let expected = "the name of a stream, or a claim";
                        let found = format!("a name that {bad}");
                        self.violation(Violation::new(Kind::DamagedItem, place, expected, found));
                    }
                    continue;
                }
            };
            let follows = last
                .as_ref()
                .is_some_and(|(before, earlier)| *before == stream && *earlier < version);
            let is_wanted = match visit {
                Visit::SharedRows(_) => self.is_shared(&stream),
                _ => true,
            };
            if !follows && is_wanted {
                found.push((stream.clone(), version));
            }
            *last = Some((stream, version));
        }
        found
    }

    /// Whether any reader folds this stream into shared rows.
    pub(super) fn is_shared(&self, stream: &StreamName) -> bool {
        let mut readers = self.readers.iter();
        readers.any(|reader| reader.shares_rows() && reader.reads(stream.category()))
    }

    /// Reports an item that cannot be read, once.
    pub(super) fn damaged(&self, place: &str, error: &Error, is_first_look: bool) {
        if is_first_look {
            let expected = "an item as Rewind writes it";
            self.violation(Violation::new(Kind::DamagedItem, place, expected, error));
        }
    }
}

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
