//! How many slices each partition of a category's index has. Each slice takes
//! 1,000 write units a second, whatever else the table does.
//!
//! A category begins with one slice a partition. Its operator raises the number
//! while the system runs: an event of [`STREAM`] says so. A commit lies in one
//! slice for ever, and readers read all slices of a partition as one, by position.
//!
//! A reader must know of a slice before anything is written there. So readers
//! look for raises at least each [`REFRESH`], and writers use new slices
//! [`GRACE`] after the raise was recorded.

use super::table::EventStore;
use crate::{Error, aws::clock};
use rewind::{RecordedEvent, StreamName, stream::PARTITIONS};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{Mutex, MutexGuard};

/// The stream of the raises.
pub const STREAM: &str = "rewind-partitions";

/// The type of its events.
pub const RAISED: &str = "partitions-raised";

/// Their source.
pub const SOURCE: &str = "/rewind/partitions";

/// The most slices of a partition: a reader asks each of them.
pub const MAX_SLICES: u16 = 64;

/// How old what a reader knows may be.
pub const REFRESH: Duration = Duration::from_secs(30);

/// So long after a raise, new slices are written to: by then each reader knows them,
/// also one whose clock differs and whose request takes its time.
pub const GRACE: Duration = Duration::from_secs(120);

/// That a category has more partitions: the data of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raised {
    /// The category.
    pub category: String,
    /// The partitions of its index, all slices counted: a multiple of eight.
    pub partitions: u16,
    /// Who raised it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub by: String,
}

/// A raise, and when it was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raise {
    /// Its position: microseconds since 1970.
    pub at: u64,
    /// The slices of each partition.
    pub slices: u16,
}

/// All raises, by category, in recorded order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Raises(BTreeMap<String, Vec<Raise>>);

impl Raises {
    /// Reads the events of [`STREAM`].
    ///
    /// # Errors
    ///
    /// When an event is damaged.
    fn of(events: &[RecordedEvent]) -> Result<Self, Error> {
        let mut raises = Self::default();
        // Others may send what they like: nobody else has this source.
        let own = |it: &&RecordedEvent| it.event_type() == RAISED && it.event.source == SOURCE;
        for event in events.iter().filter(own) {
            let damaged = |why: String| Error::damaged(format!("{STREAM}@{}", event.version), why);
            let raised: Raised = event
                .event
                .data()
                .map_err(|error| damaged(error.to_string()))?;
            let slices = slices_of(raised.partitions).ok_or_else(|| {
                let partitions = raised.partitions;
                damaged(format!("{partitions} partitions are not possible"))
            })?;
            let at = event.position;
            let of = raises.0.entry(raised.category).or_default();
            of.push(Raise { at, slices });
        }
        Ok(raises)
    }

    /// The raises of each category.
    pub fn all(&self) -> impl Iterator<Item = (&str, &[Raise])> {
        let all = self.0.iter();
        all.map(|(category, raises)| (category.as_str(), raises.as_slice()))
    }

    /// The slices of each partition that readers read.
    pub fn read(&self, category: &str) -> u16 {
        self.most(category, |_| true)
    }

    /// The slices of each partition that are written to at `now`, in microseconds
    /// since 1970.
    fn written(&self, category: &str, now: u64, grace: Duration) -> u16 {
        let grace = grace.as_micros() as u64;
        self.most(category, |raise| raise.at.saturating_add(grace) <= now)
    }

    /// Whether a commit of this stream can lie in a slice.
    pub(crate) fn may_hold(&self, slice: &str, stream: &StreamName) -> bool {
        let raises = self.0.get(stream.category());
        let raised = raises.into_iter().flatten().map(|raise| raise.slices);
        raised
            .chain([1])
            .any(|slices| stream.slice(slices) == slice)
    }

    fn most(&self, category: &str, counts: impl Fn(&Raise) -> bool) -> u16 {
        let raises = self.0.get(category).into_iter().flatten();
        let raised = raises.filter(|raise| counts(raise));
        raised.map(|raise| raise.slices).max().unwrap_or(1)
    }
}

/// How many slices each partition has, where a category has so many partitions.
/// `None` where that is not possible.
pub fn slices_of(partitions: u16) -> Option<u16> {
    let (slices, rest) = (
        partitions / u16::from(PARTITIONS),
        partitions % u16::from(PARTITIONS),
    );
    (rest == 0 && (1..=MAX_SLICES).contains(&slices)).then_some(slices)
}

/// From when on new slices are written to, where a raise was recorded at `at`: in
/// microseconds since 1970.
pub fn written_from(at: u64) -> u64 {
    at.saturating_add(GRACE.as_micros() as u64)
}

/// What was said, and when it was asked for.
#[derive(Debug)]
struct Seen {
    raises: Arc<Raises>,
    asked: Instant,
    /// By the other clock, which goes on while a process is frozen.
    at: u64,
}

impl Seen {
    fn is_younger_than(&self, age: Duration) -> bool {
        let by_wall = clock::micros().checked_sub(self.at);
        let by_wall = by_wall.is_some_and(|micros| u128::from(micros) < age.as_micros());
        by_wall && self.asked.elapsed() < age
    }
}

/// What is known of raises.
#[derive(Debug)]
pub(super) struct Known {
    last: Mutex<Option<Seen>>,
    refresh: Duration,
    grace: Duration,
}

impl Default for Known {
    fn default() -> Self {
        Self::with(REFRESH, GRACE)
    }
}

impl Known {
    fn with(refresh: Duration, grace: Duration) -> Self {
        Self {
            last: Mutex::default(),
            refresh,
            grace,
        }
    }
}

/// The slices that commits are written to.
pub(super) struct Written {
    raises: Arc<Raises>,
    now: u64,
    grace: Duration,
}

impl Written {
    /// The slice of a stream's next commit.
    pub fn slice(&self, stream: &StreamName) -> String {
        let slices = self.raises.written(stream.category(), self.now, self.grace);
        stream.slice(slices)
    }
}

impl EventStore {
    /// With other times than [`REFRESH`] and [`GRACE`]: a test knows its own.
    #[must_use]
    pub fn with_slice_times(mut self, refresh: Duration, grace: Duration) -> Self {
        self.slices = Arc::new(Known::with(refresh, grace));
        self
    }

    /// The raises: what is known of them, or what the table says.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an event is damaged.
    pub async fn raises(&self) -> Result<Arc<Raises>, Error> {
        let last = self.slices.last.lock().await;
        match &*last {
            Some(seen) if seen.is_younger_than(self.slices.refresh) => Ok(seen.raises.clone()),
            _ => self.look(last).await,
        }
    }

    /// The raises, as the table says now.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an event is damaged.
    pub async fn latest_raises(&self) -> Result<Arc<Raises>, Error> {
        self.look(self.slices.last.lock().await).await
    }

    async fn look(&self, mut last: MutexGuard<'_, Option<Seen>>) -> Result<Arc<Raises>, Error> {
        // The time of the question counts, not that of its answer.
        let (asked, at) = (Instant::now(), clock::micros());
        let raises = Arc::new(Raises::of(&self.all_raises().await?)?);
        let seen = raises.clone();
        *last = Some(Seen {
            raises: seen,
            asked,
            at,
        });
        Ok(raises)
    }

    /// The slices to write to. Where they are not known, those that are known since
    /// before: all readers read these.
    pub(super) async fn written(&self) -> Written {
        let now = clock::micros();
        let raises = match self.raises().await {
            Ok(raises) => raises,
            Err(error) => {
                tracing::warn!(%error, "raises of partitions are not known");
                let last = self.slices.last.lock().await;
                last.as_ref()
                    .map(|seen| seen.raises.clone())
                    .unwrap_or_default()
            }
        };
        Written {
            raises,
            now,
            grace: self.slices.grace,
        }
    }

    async fn all_raises(&self) -> Result<Vec<RecordedEvent>, Error> {
        let stream = StreamName::new(STREAM).map_err(|bad| Error::damaged(STREAM, bad))?;
        let mut events = Vec::new();
        let mut after = 0;
        loop {
            let page = self.behind(&stream, after).await?;
            for commit in &page.commits {
                after = commit.last_version();
                events.extend(commit.events()?);
            }
            if !page.has_more {
                return Ok(events);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raises(all: &[(u64, u16)]) -> Raises {
        let raises = all.iter().map(|&(at, slices)| Raise { at, slices });
        Raises(BTreeMap::from([("cart".into(), raises.collect())]))
    }

    #[test]
    fn readers_read_a_raise_at_once_and_writers_wait() {
        let grace = Duration::from_micros(50);
        let raises = raises(&[(100, 2), (200, 8), (300, 4)]);
        assert_eq!(raises.read("cart"), 8);
        assert_eq!(raises.read("order"), 1);
        for (now, slices) in [(149, 1), (150, 2), (249, 2), (250, 8), (1_000, 8)] {
            assert_eq!(raises.written("cart", now, grace), slices, "{now}");
        }
        assert_eq!(raises.written("order", 1_000, grace), 1);
    }

    #[test]
    fn a_commit_lies_in_a_slice_of_one_of_the_raises() {
        let stream = StreamName::new("cart-456").unwrap();
        let raises = raises(&[(100, 2), (200, 8)]);
        for slices in [1, 2, 8] {
            assert!(raises.may_hold(&stream.slice(slices), &stream), "{slices}");
        }
        let others = (0..64).map(|nth| rewind::stream::slice_name("cart#4", nth));
        assert!(
            !others
                .into_iter()
                .any(|slice| raises.may_hold(&slice, &stream))
        );
    }

    #[test]
    fn partitions_are_counted_in_eights() {
        for (partitions, slices) in [(8, Some(1)), (16, Some(2)), (512, Some(64))] {
            assert_eq!(slices_of(partitions), slices);
        }
        for partitions in [0, 1, 7, 9, 520, u16::MAX] {
            assert_eq!(slices_of(partitions), None, "{partitions}");
        }
    }
}
