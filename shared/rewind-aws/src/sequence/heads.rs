//! Where streams stand, as far as this process knows.

use lru::LruCache;
use rewind::{Head, StreamName};
use std::{
    num::NonZeroUsize,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many streams' heads a process remembers.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).expect("it is not 0");

/// The heads of the streams that were used last. A remembered head may be
/// stale: the insert behind it then fails, and what was missed is read.
#[derive(Debug)]
pub(super) struct Heads(Mutex<LruCache<StreamName, Head>>);

impl Default for Heads {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Heads {
    pub fn get(&self, stream: &StreamName) -> Option<Head> {
        self.locked().get(stream).cloned()
    }

    pub fn put(&self, stream: &StreamName, head: Head) {
        self.locked().put(stream.clone(), head);
    }

    pub fn forget(&self, stream: &StreamName) {
        self.locked().pop(stream);
    }

    fn locked(&self) -> MutexGuard<'_, LruCache<StreamName, Head>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
