//! Up to where a shard is finished, when its key groups finish out of order.

use std::collections::BTreeMap;

/// The records of a shard between its checkpoint and the last one read.
#[derive(Debug, Default)]
pub(super) struct Checkpointer {
    // In order of sequence numbers; true when finished.
    records: BTreeMap<String, bool>,
}

impl Checkpointer {
    /// A record was read.
    pub fn begin(&mut self, sequence: &str) {
        self.records.insert(sequence.to_owned(), false);
    }

    /// Records are finished. Returns the shard's new checkpoint, if it moved: the last sequence number with no
    /// unfinished record at or before it.
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
        let mut checkpointer = Checkpointer::default();
        for sequence in ["1", "2", "3", "4"] {
            checkpointer.begin(sequence);
        }
        assert_eq!(checkpointer.finish(["2", "3"].into_iter()), None);
        assert_eq!(checkpointer.finish(["1"].into_iter()), Some("3".to_owned()));
        assert_eq!(checkpointer.finish(["4"].into_iter()), Some("4".to_owned()));
        assert_eq!(checkpointer.finish(["4"].into_iter()), None);
    }
}
