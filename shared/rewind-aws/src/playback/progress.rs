//! How far a playback is in a partition: one item for each partition, so that a
//! page writes as much for a playback of many partitions as for one of few.

use crate::{data_table::record::Records, history::partition::Cursor};
use serde::{Deserialize, Serialize};

/// How far a playback is in a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The first and the last position of the partition; `None` for a stream
    /// that was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<(u64, u64)>,
    /// The last commit that was sent.
    #[serde(rename = "place", default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Cursor>,
    /// What was sent. A page that was sent twice, because the playback died in
    /// between, counts once.
    #[serde(default)]
    pub sent: Sent,
    /// Whether all of it is sent.
    pub done: bool,
}

/// What was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Events.
    pub events: u64,
    /// Kinesis records.
    pub records: u64,
    /// Bytes of the records.
    pub bytes: u64,
    /// Bytes as Kinesis bills them: each record rounded up to 1 KB.
    pub billed_bytes: u64,
    /// Read units that reading the events took (DynamoDB: strongly consistent,
    /// one for each 4 KB of an item).
    pub read_units: u64,
}

/// The progress of a playback, by partition.
pub(super) fn of(playback: &str) -> Records<Progress> {
    Records::named(format!("rewind#progress/{playback}"))
}

impl Progress {
    /// Whether anything of it was sent or looked at.
    pub(super) fn is_begun(&self) -> bool {
        self.cursor.is_some() || self.done
    }

    /// How much of it is sent, from 0 to 1, by recorded time.
    pub(super) fn share(&self) -> f64 {
        match (self.done, self.range, &self.cursor) {
            (true, ..) => 1.0,
            (false, Some((first, last)), Some(cursor)) if last > first => {
                let done = cursor.position.saturating_sub(first) as f64;
                (done / (last - first) as f64).min(1.0)
            }
            _ => 0.0,
        }
    }
}

impl std::ops::AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.records += other.records;
        self.bytes += other.bytes;
        self.billed_bytes += other.billed_bytes;
        self.read_units += other.read_units;
    }
}

impl std::iter::Sum for Sent {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        let mut sum = Self::default();
        all.for_each(|sent| sum += sent);
        sum
    }
}
