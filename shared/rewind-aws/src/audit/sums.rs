//! Sums over the commits of each partition, from the table and from the index:
//! whatever the order in which both are read, equal sets have equal sums.

use super::filter::digest;
use std::collections::{BTreeMap, BTreeSet};

/// By partition: a sum over the table, and one over the index.
#[derive(Default)]
pub(super) struct Sums(BTreeMap<String, [Sum; 2]>);

/// Of a set: how many, and their hashes added up.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
struct Sum {
    count: u64,
    hashes: u64,
}

/// The side of the table.
pub(super) const TABLE: usize = 0;
/// The side of the index.
pub(super) const INDEX: usize = 1;

impl Sums {
    /// Adds a commit to a side.
    pub(super) fn add(&mut self, side: usize, partition: &str, place: (&str, u64, u64, u64)) {
        if !self.0.contains_key(partition) {
            self.0.insert(partition.to_string(), Default::default());
        }
        if let Some(sums) = self.0.get_mut(partition) {
            let sum = &mut sums[side];
            sum.count += 1;
            sum.hashes = sum.hashes.wrapping_add(digest(&place));
        }
    }

    /// The partitions whose sums differ.
    pub(super) fn different(&self) -> BTreeSet<String> {
        let different = self.0.iter().filter(|(_, sums)| sums[TABLE] != sums[INDEX]);
        different.map(|(partition, _)| partition.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_in_any_order_and_miss_nothing() {
        let place = |version| ("cart-1", version, 1, version);
        let mut sums = Sums::default();
        for version in [1, 2, 3] {
            sums.add(TABLE, "cart#1", place(version));
        }
        for version in [3, 1] {
            sums.add(INDEX, "cart#1", place(version));
        }
        assert_eq!(sums.different().len(), 1);
        sums.add(INDEX, "cart#1", place(2));
        assert!(sums.different().is_empty());
        sums.add(INDEX, "cart#2", place(4));
        assert_eq!(sums.different(), BTreeSet::from(["cart#2".to_string()]));
    }
}
