//! A Bloom filter of a fixed size: what it has not seen is new for sure, what
//! it has seen may be new all the same and deserves a second look.

use std::hash::{DefaultHasher, Hash, Hasher};

/// Bytes of a filter: 32 MiB. Ten million entries then leave three false
/// alarms in a million.
const BYTES: usize = 32 << 20;

/// Bits that each entry sets.
const BITS_PER_ENTRY: u32 = 8;

/// A set that forgets nothing and may claim too much.
pub(super) struct Filter {
    words: Vec<u64>,
    entries: u64,
}

impl Filter {
    /// An empty filter.
    pub fn new() -> Self {
        Self {
            words: vec![0; BYTES / 8],
            entries: 0,
        }
    }

    /// Adds an entry, and says whether it may have been there.
    pub fn insert(&mut self, entry: &str) -> bool {
        let mut was_there = true;
        for place in places(entry) {
            let (word, bit) = (place / 64, 1 << (place % 64));
            was_there &= self.words[word] & bit != 0;
            self.words[word] |= bit;
        }
        self.entries += u64::from(!was_there);
        was_there
    }

    /// Whether an entry may be there.
    pub fn may_hold(&self, entry: &str) -> bool {
        places(entry).all(|place| self.words[place / 64] & (1 << (place % 64)) != 0)
    }

    /// How likely it is that something new is taken for something seen.
    pub fn false_alarms(&self) -> f64 {
        let bits = (self.words.len() * 64) as f64;
        let set = 1.0 - (-f64::from(BITS_PER_ENTRY) * self.entries as f64 / bits).exp();
        set.powi(BITS_PER_ENTRY as i32)
    }
}

/// The bits of an entry: two hashes make them all.
fn places(entry: &str) -> impl Iterator<Item = usize> {
    let (first, step) = (digest(&(0, entry)), digest(&(1, entry)) | 1);
    let bits = (BYTES * 8) as u64;
    (0..u64::from(BITS_PER_ENTRY))
        .map(move |nth| (first.wrapping_add(nth.wrapping_mul(step)) % bits) as usize)
}

/// A hash that is the same as long as the process lives.
pub(super) fn digest(thing: &impl Hash) -> u64 {
    let mut hash = DefaultHasher::new();
    thing.hash(&mut hash);
    hash.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_seen_is_known_and_hardly_anything_else() {
        let mut filter = Filter::new();
        let alarms = (0..100_000).filter(|n| filter.insert(&format!("event {n}")));
        assert_eq!(alarms.count(), 0);
        assert!((0..100_000).all(|n| filter.may_hold(&format!("event {n}"))));
        let alarms = (0..100_000).filter(|n| filter.may_hold(&format!("other {n}")));
        assert_eq!(alarms.count(), 0);
        assert!(filter.false_alarms() < 1e-9);
    }
}
