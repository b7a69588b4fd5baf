//! The ledger of a stream: which records its consumers have not finished.
//!
//! It counts these records as work under way, and keeps the journal. It does not know the store.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use super::shards;
use crate::activity::Activity;
use crate::journal::{Entry, Journal};

/// How many bytes of finished records stay readable, for people who look at the stream with a tool.
const KEPT_BYTES: usize = 4 * 1024 * 1024;

/// The ledger of one stream that has consumers.
#[derive(Debug)]
pub(crate) struct Ledger {
    consumers: Vec<String>,
    shards: BTreeMap<String, VecDeque<Unfinished>>,
    // The last finished sequence number: by consumer and shard, and by shard for all consumers.
    finished: BTreeMap<String, BTreeMap<String, String>>,
    finished_by_all: BTreeMap<String, String>,
    unfinished: usize,
    kept: VecDeque<(String, usize)>,
    kept_bytes: usize,
    journal: Option<Journal>,
    activity: Activity,
}

#[derive(Debug)]
struct Unfinished {
    sequence: String,
    bytes: usize,
}

impl Ledger {
    pub fn new(consumers: Vec<String>, journal: Option<Journal>, activity: Activity) -> Self {
        let finished = consumers
            .iter()
            .map(|consumer| (consumer.clone(), BTreeMap::new()))
            .collect();
        Self {
            consumers,
            shards: BTreeMap::new(),
            finished,
            finished_by_all: BTreeMap::new(),
            unfinished: 0,
            kept: VecDeque::new(),
            kept_bytes: 0,
            journal,
            activity,
        }
    }

    /// Takes the records of one put. They count as work under way from now on.
    ///
    /// # Errors
    ///
    /// When the journal cannot be written. None of the records is taken then.
    pub fn put(&mut self, entries: &[Entry<'_>]) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.append(entries)?;
        }
        for entry in entries {
            let record = Unfinished {
                sequence: entry.sequence.to_string(),
                bytes: entry.data.len() + entry.key.len(),
            };
            self.shards
                .entry(entry.shard.to_string())
                .or_default()
                .push_back(record);
        }
        self.unfinished += entries.len();
        self.activity.add(entries.len());
        Ok(())
    }

    /// A consumer has finished a shard up to a sequence number. Returns the keys of the records that the store deletes.
    pub fn finish(&mut self, shard: &str, consumer: &str, sequence: &str) -> Vec<String> {
        let Some(shards) = self.finished.get_mut(consumer) else {
            return Vec::new();
        };
        shards.insert(shard.to_owned(), sequence.to_owned());
        let by_all = self
            .consumers
            .iter()
            .map(|consumer| self.finished[consumer].get(shard))
            .min()
            .flatten();
        let Some(by_all) = by_all.cloned() else {
            return Vec::new();
        };
        let mut done = 0;
        if let Some(records) = self.shards.get_mut(shard) {
            while let Some(record) = records.pop_front_if(|record| record.sequence <= by_all) {
                done += 1;
                self.kept_bytes += record.bytes;
                let key = shards::key(shard, &record.sequence);
                self.kept.push_back((key, record.bytes));
            }
        }
        self.finished_by_all.insert(shard.to_owned(), by_all);
        self.unfinished -= done;
        if let Some(journal) = &mut self.journal
            && done > 0
        {
            journal.trim(&self.finished_by_all);
        }
        self.save(false);
        self.activity.remove(done);
        self.forget()
    }

    /// Saves how far the consumers are.
    pub fn save(&mut self, is_urgent: bool) {
        if let Some(journal) = &mut self.journal {
            journal.save(&self.finished, is_urgent);
        }
    }

    fn forget(&mut self) -> Vec<String> {
        let mut forgotten = Vec::new();
        while self.kept_bytes > KEPT_BYTES
            && let Some((key, bytes)) = self.kept.pop_front()
        {
            self.kept_bytes -= bytes;
            forgotten.push(key);
        }
        forgotten
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: &str, bytes: usize) -> Entry<'static> {
        Entry {
            shard: "shardId-000000000001".into(),
            sequence: sequence.to_owned().into(),
            key: "".into(),
            hash: None,
            data: "A".repeat(bytes).into(),
        }
    }

    fn ledger(consumers: &[&str]) -> Ledger {
        Ledger::new(
            consumers.iter().map(|name| (*name).to_owned()).collect(),
            None,
            Activity::default(),
        )
    }

    #[test]
    fn a_record_is_forgotten_once_every_consumer_finished_it() {
        let mut ledger = ledger(&["one", "two"]);
        ledger
            .put(&[entry("1", KEPT_BYTES), entry("2", 1)])
            .unwrap();
        assert!(ledger.finish("shardId-000000000001", "one", "2").is_empty());
        assert!(ledger.finish("shardId-000000000001", "two", "1").is_empty());
        assert_eq!(
            ledger.finish("shardId-000000000001", "two", "2"),
            ["00000001/1"]
        );
        assert_eq!(ledger.unfinished, 0);
    }

    #[test]
    fn an_unknown_consumer_finishes_nothing() {
        let mut ledger = ledger(&["one"]);
        ledger.put(&[entry("1", 1)]).unwrap();
        ledger.finish("shardId-000000000001", "three", "1");
        assert_eq!(ledger.unfinished, 1);
    }
}
