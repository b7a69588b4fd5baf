//! Finds every stream by a scan of the events table's keys, and visits several
//! at a time.

use super::{
    look::{Run, locked},
    report::{Kind, Violation},
};
use crate::{
    Error,
    aws::item::{Item, number, string},
};
use futures::{TryStreamExt, stream};
use rewind::StreamName;

/// Streams that are visited at once.
const CONCURRENCY: usize = 16;

/// A walk over all streams.
#[derive(Clone, Copy)]
pub(super) struct Walk {
    /// What is looked at on the way.
    pub what: &'static str,
    /// Whether it is the first one, which reports what cannot be read.
    pub is_first: bool,
    /// Whether it visits only streams that are folded into shared rows.
    pub only_shared: bool,
}

impl Walk {
    /// The first walk.
    pub const FIRST: Self = Self {
        what: "events",
        is_first: true,
        only_shared: false,
    };
    /// A walk over the streams that are folded into shared rows.
    pub const SHARED_ROWS: Self = Self {
        what: "shared rows",
        is_first: false,
        only_shared: true,
    };
    /// A walk over the entries of the index.
    pub const INDEX: Self = Self {
        what: "index",
        is_first: false,
        only_shared: false,
    };
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
    /// Visits the streams of a walk: `visit` gets each with the version of the
    /// item by which it was found.
    pub(super) async fn walk<F>(
        &self,
        walk: Walk,
        visit: impl Fn(StreamName, u64) -> F,
    ) -> Result<(), Error>
    where
        F: Future<Output = Result<(), Error>>,
    {
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
            let found = self.found(&items, &mut scan.last, walk);
            locked(&self.ledger).progress(walk.what, scan.done, about.max(scan.done));
            scan.start = next;
            let rest = scan.start.is_some().then_some(scan);
            Ok(Some((stream::iter(found.into_iter().map(Ok)), rest)))
        });
        let streams = pages.try_flatten();
        streams
            .try_for_each_concurrent(CONCURRENCY, |(stream, version)| visit(stream, version))
            .await
    }

    /// The streams on a page. A scan keeps the items of a stream together and
    /// in order, which is not promised: so a stream is found again where it
    /// is not, and the visit goes on only from the stream's first item.
    fn found(&self, items: &[Item], last: &mut Option<Found>, walk: Walk) -> Vec<Found> {
        let mut found = Vec::new();
        let is_first_walk = walk.is_first;
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
            let is_wanted = !walk.only_shared || self.is_shared(&stream);
            if !follows && is_wanted {
                found.push((stream.clone(), version));
            }
            *last = Some((stream, version));
        }
        found
    }

    /// Whether any reader folds this stream into shared rows.
    fn is_shared(&self, stream: &StreamName) -> bool {
        let mut readers = self.readers.iter();
        readers.any(|reader| reader.shares_rows() && reader.reads(stream.category()))
    }
}
