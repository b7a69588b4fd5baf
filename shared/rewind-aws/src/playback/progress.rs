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
    /// How many events it has, selected or not, where they were counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// How many of these were passed.
    #[serde(default)]
    pub passed: u64,
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

    /// How many of its events were passed, and of how many, where they were
    /// counted.
    fn counted(&self) -> Option<(u64, u64)> {
        let of = self.of?;
        Some((if self.done { of } else { self.passed.min(of) }, of))
    }

    /// How much of it is sent, from 0 to 1, by recorded time.
    fn share_by_time(&self) -> f64 {
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

/// How much of these partitions is sent, from 0 to 1: by events where all were
/// counted, otherwise by recorded time.
pub(super) fn share<'a>(parts: impl Iterator<Item = &'a Progress> + Clone) -> f64 {
    let counted: Option<Vec<(u64, u64)>> = parts.clone().map(Progress::counted).collect();
    let Some(counted) = counted else {
        // Partitions without events say nothing.
        let filled = parts.filter(|part| part.of != Some(0));
        let (sum, count) = filled.fold((0.0, 0), |(sum, count), part| {
            (sum + part.share_by_time(), count + 1)
        });
        return sum / f64::from(count.max(1));
    };
    let counted = counted.into_iter();
    let (passed, of) = counted.fold((0, 0), |(passed, all), (one, of)| (passed + one, all + of));
    match of {
        0 => f64::from(u8::from(parts.clone().any(|part| part.done))),
        _ => passed as f64 / of as f64,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn part(of: Option<u64>, passed: u64) -> Progress {
        Progress {
            range: Some((100, 200)),
            of,
            passed,
            cursor: None,
            sent: Sent::default(),
            done: false,
        }
    }

    #[test]
    fn the_share_is_that_of_events_whatever_their_partitions_and_times() {
        let parts = [part(Some(900), 90), part(Some(100), 10), part(Some(0), 0)];
        assert_eq!(share(parts.iter()), 0.1);
        let done = Progress {
            done: true,
            ..part(Some(100), 0)
        };
        assert_eq!(share([part(Some(900), 0), done].iter()), 0.1);
        assert_eq!(share([part(Some(10), 12)].iter()), 1.0);
        assert_eq!(share([].iter()), 0.0);
        // Where one has too many to be counted: by time, and of those with
        // events.
        let done = Progress {
            done: true,
            ..part(None, 0)
        };
        assert_eq!(share([part(None, 0), done, part(Some(0), 0)].iter()), 0.5);
    }
}
