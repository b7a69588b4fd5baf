//! Up to where a shard is finished, when its lanes finish out of order.

use std::collections::BTreeMap;

/// The records of a shard that were read and are not finished, or not yet counted as such.
#[derive(Debug, Default)]
pub(super) struct Progress {
    // In order of sequence numbers; true when finished.
    records: BTreeMap<String, bool>,
}

impl Progress {
    /// A record was read.
    pub fn begin(&mut self, sequence: &str) {
        self.records.insert(sequence.to_owned(), false);
    }

    /// Records are finished. Returns the sequence number up to which the shard newly is, if that moved.
    pub fn finish<'a>(&mut self, sequences: impl Iterator<Item = &'a str>) -> Option<String> {
        for sequence in sequences {
            if let Some(is_finished) = self.records.get_mut(sequence) {
                *is_finished = true;
            }
        }
        let mut last = None;
        while let Some(first) = self.records.first_entry().filter(|first| *first.get()) {
            last = Some(first.remove_entry().0);
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_finished_up_to_its_first_unfinished_record() {
        let mut progress = Progress::default();
        for sequence in ["1", "2", "3", "4"] {
            progress.begin(sequence);
        }
        assert_eq!(progress.finish(["2", "3"].into_iter()), None);
        assert_eq!(progress.finish(["1"].into_iter()), Some("3".to_owned()));
        assert_eq!(progress.finish(["4"].into_iter()), Some("4".to_owned()));
        assert_eq!(progress.finish(["4"].into_iter()), None);
    }
}
