//! What one batch has read of streams, so that the readers of a stream share
//! its reads.
//!
//! A cache serves one batch. It holds pages of streams, and links of the chains
//! of reversals. Its size is bounded: a long stream is not held whole.

use super::link::Link;
use lru::LruCache;
use rewind::{RecordedEvent, StreamName};
use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OwnedMutexGuard;

/// About how many bytes of events it holds.
const MAX_BYTES: usize = 8_000_000;

/// What an event takes beside its data: about.
const EVENT_BYTES: usize = 500;

/// How many links it holds.
const MAX_LINKS: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not 0");

/// What was read.
#[derive(Debug)]
pub(super) struct BatchCache {
    pages: Mutex<Pages>,
    links: Mutex<LruCache<(StreamName, u64), Arc<Link>>>,
    turns: Mutex<HashMap<StreamName, Arc<tokio::sync::Mutex<()>>>>,
}

/// Runs of events without a gap, by stream and first version.
#[derive(Debug, Default)]
struct Pages {
    all: BTreeMap<(StreamName, u64), Page>,
    bytes: usize,
    /// How often a page was kept or found.
    uses: u64,
}

#[derive(Debug)]
struct Page {
    events: Arc<[RecordedEvent]>,
    bytes: usize,
    /// When it was used last.
    used: u64,
}

impl Default for BatchCache {
    fn default() -> Self {
        Self {
            pages: Mutex::default(),
            links: Mutex::new(LruCache::new(MAX_LINKS)),
            turns: Mutex::default(),
        }
    }
}

impl BatchCache {
    /// Waits until nobody else reads the stream.
    pub async fn turn(&self, stream: &StreamName) -> OwnedMutexGuard<()> {
        let turn = locked(&self.turns)
            .entry(stream.clone())
            .or_default()
            .clone();
        turn.lock_owned().await
    }

    /// The events behind `after`, as many as are known without a gap; `None`
    /// where not even the next one is.
    pub fn find(&self, stream: &StreamName, after: u64) -> Option<Vec<RecordedEvent>> {
        let events = locked(&self.pages).find(stream, after)?;
        let events = events.iter().filter(|event| event.version > after);
        Some(events.cloned().collect())
    }

    /// Keeps the events of a page that was read behind `after`, up to the first
    /// gap.
    pub fn keep(&self, stream: &StreamName, after: u64, events: &[RecordedEvent]) {
        let expected = after + 1..;
        let dense = events.iter().zip(expected);
        let dense = dense.take_while(|(event, version)| event.version == *version);
        let count = dense.count();
        if count > 0 {
            locked(&self.pages).keep(stream, &events[..count]);
        }
    }

    /// The link of a chain of reversals at a version, where it is known.
    pub fn link(&self, stream: &StreamName, until: u64) -> Option<Arc<Link>> {
        locked(&self.links).get(&(stream.clone(), until)).cloned()
    }

    /// Keeps a link.
    pub fn keep_link(&self, stream: &StreamName, until: u64, link: &Arc<Link>) {
        locked(&self.links).put((stream.clone(), until), link.clone());
    }
}

impl Pages {
    fn find(&mut self, stream: &StreamName, after: u64) -> Option<Arc<[RecordedEvent]>> {
        let next = after.checked_add(1)?;
        let mut before = self.all.range_mut(..=(stream.clone(), next));
        let ((of, _), page) = before.next_back()?;
        let last = page.events.last()?.version;
        if of != stream || last < next {
            return None;
        }
        self.uses += 1;
        page.used = self.uses;
        Some(page.events.clone())
    }

    fn keep(&mut self, stream: &StreamName, events: &[RecordedEvent]) {
        let size = |event: &RecordedEvent| event.event.data.get().len() + EVENT_BYTES;
        let bytes = events.iter().map(size).sum();
        self.uses += 1;
        let page = Page {
            events: events.into(),
            bytes,
            used: self.uses,
        };
        let key = (stream.clone(), events[0].version);
        self.bytes += bytes;
        if let Some(before) = self.all.insert(key, page) {
            self.bytes -= before.bytes;
        }
        while self.bytes > MAX_BYTES {
            let oldest = self.all.iter().min_by_key(|(_, page)| page.used);
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else {
                break;
            };
            if let Some(page) = self.all.remove(&oldest) {
                self.bytes -= page.bytes;
            }
        }
    }
}

/// What it holds is consistent after every step, whoever panicked in between.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::testing::event;
    use serde_json::json;

    #[test]
    fn it_finds_what_follows_a_version_and_never_across_a_gap() {
        let cache = BatchCache::default();
        let stream = StreamName::new("cart-1").unwrap();
        let events = [3, 4, 6].map(|version| event("cart-1", "seen", &json!({}), version));
        cache.keep(&stream, 2, &events);
        let versions = |after: u64| {
            let found = cache.find(&stream, after);
            found.map(|events| events.iter().map(|e| e.version).collect::<Vec<_>>())
        };
        assert_eq!(versions(2), Some(vec![3, 4]));
        assert_eq!(versions(3), Some(vec![4]));
        for after in [0, 1, 4, 5, 6, u64::MAX] {
            assert_eq!(versions(after), None, "{after}");
        }
        let other = StreamName::new("cart-2").unwrap();
        assert!(cache.find(&other, 2).is_none());
    }

    #[test]
    fn it_holds_no_long_stream_whole() {
        let cache = BatchCache::default();
        let stream = StreamName::new("cart-1").unwrap();
        let data = json!("x".repeat(100_000));
        for version in 1..=200 {
            let event = event("cart-1", "seen", &data, version);
            cache.keep(&stream, version - 1, &[event]);
        }
        assert!(locked(&cache.pages).bytes <= MAX_BYTES);
        assert!(cache.find(&stream, 0).is_none(), "the oldest went");
        assert!(cache.find(&stream, 199).is_some(), "the newest stays");
    }
}
