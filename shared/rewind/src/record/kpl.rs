//! Several user records in one Kinesis record: the aggregated format of the
//! Kinesis Producer Library, which every language's deaggregation library
//! reads.
//!
//! Four magic bytes, a protobuf message, and the MD5 of that message: see
//! "KPL Aggregated Record Format" in the KPL's documentation.

use md5::{Digest, Md5};
use prost::Message;

/// What an aggregated record begins with.
const MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];

/// The bytes of an MD5.
const CHECKSUM: usize = 16;

/// What a user record adds beside its data and its key: tags and lengths, at
/// most.
const OVERHEAD: usize = 24;

#[derive(Message)]
struct Contents {
    #[prost(string, repeated, tag = "1")]
    partition_key_table: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    explicit_hash_key_table: Vec<String>,
    #[prost(message, repeated, tag = "3")]
    records: Vec<Record>,
}

#[derive(Message)]
struct Record {
    #[prost(uint64, required, tag = "1")]
    partition_key_index: u64,
    #[prost(uint64, optional, tag = "2")]
    explicit_hash_key_index: Option<u64>,
    #[prost(bytes = "vec", required, tag = "3")]
    data: Vec<u8>,
}

/// A Kinesis record in the making.
#[derive(Default)]
pub struct AggregatedRecord {
    message: Contents,
    bytes: usize,
}

impl AggregatedRecord {
    /// Whether another user record fits below `limit` bytes. The first one
    /// always does.
    pub fn has_room(&self, key: &str, data: &[u8], limit: usize) -> bool {
        let frame = MAGIC.len() + CHECKSUM;
        self.message.records.is_empty()
            || frame + self.bytes + key.len() + data.len() + OVERHEAD <= limit
    }

    /// Adds a user record under its own partition key.
    pub fn add(&mut self, key: &str, data: Vec<u8>) {
        self.bytes += key.len() + data.len() + OVERHEAD;
        let keys = &mut self.message.partition_key_table;
        // Neighbours share a key more often than not.
        if keys.last().is_none_or(|last| last != key) {
            keys.push(key.to_string());
        }
        self.message.records.push(Record {
            partition_key_index: keys.len() as u64 - 1,
            explicit_hash_key_index: None,
            data,
        });
    }

    /// The Kinesis record; `None` when nothing was added.
    pub fn finish(self) -> Option<Vec<u8>> {
        if self.message.records.is_empty() {
            return None;
        }
        let message = self.message.encode_to_vec();
        let mut record = Vec::with_capacity(MAGIC.len() + message.len() + CHECKSUM);
        record.extend(MAGIC);
        record.extend(&message);
        record.extend(Md5::digest(&message));
        Some(record)
    }
}

/// The user records of a Kinesis record: those that it aggregates, or itself.
/// What begins like an aggregate and is none stands for itself as well, as in
/// the KPL.
pub fn user_records(record: &[u8]) -> Vec<Vec<u8>> {
    unpacked(record).unwrap_or_else(|| vec![record.to_vec()])
}

fn unpacked(record: &[u8]) -> Option<Vec<Vec<u8>>> {
    let rest = record.strip_prefix(&MAGIC)?;
    let (message, checksum) = rest.split_at_checked(rest.len().checked_sub(CHECKSUM)?)?;
    if Md5::digest(message).as_slice() != checksum {
        return None;
    }
    let message = Contents::decode(message).ok()?;
    Some(
        message
            .records
            .into_iter()
            .map(|record| record.data)
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aggregate(records: &[(&str, &str)]) -> Vec<u8> {
        let mut aggregate = AggregatedRecord::default();
        for (key, data) in records {
            aggregate.add(key, data.as_bytes().to_vec());
        }
        aggregate.finish().unwrap()
    }

    #[test]
    fn the_bytes_are_those_of_the_kpl() {
        // Worked out by hand from the format's description: key "a", data "b".
        let message = [0x0A, 1, b'a', 0x1A, 5, 0x08, 0, 0x1A, 1, b'b'];
        let record = aggregate(&[("a", "b")]);
        assert_eq!(record[..4], MAGIC);
        assert_eq!(record[4..14], message);
        assert_eq!(record[14..], Md5::digest(message)[..]);
    }

    #[test]
    fn user_records_come_back_in_order() {
        let record = aggregate(&[("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")]);
        let data: Vec<Vec<u8>> = ["1", "2", "3", "4"].map(|data| data.into()).to_vec();
        assert_eq!(user_records(&record), data);
    }

    #[test]
    fn a_record_that_is_no_aggregate_stands_for_itself() {
        let mut damaged = aggregate(&[("a", "1")]);
        *damaged.last_mut().unwrap() ^= 1;
        for record in [&b"{}"[..], &MAGIC[..], &damaged] {
            assert_eq!(user_records(record), [record.to_vec()]);
        }
    }

    #[test]
    fn room_is_counted_on_the_safe_side() {
        let mut aggregate = AggregatedRecord::default();
        let data = vec![b'x'; 300];
        let mut count = 0;
        while aggregate.has_room("cart-123456", &data, 100_000) {
            aggregate.add(&format!("cart-{count:06}"), data.clone());
            count += 1;
        }
        let length = aggregate.finish().unwrap().len();
        assert!(length <= 100_000 && length > 90_000, "{length} for {count}");
    }
}
