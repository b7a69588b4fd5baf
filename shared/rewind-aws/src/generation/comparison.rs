//! What a comparison of two generations finds.

use crate::{aws::http::weight, data_table::row::Row};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::{fmt, ops::AddAssign};

/// What a comparison has found so far. Those of parts add up.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// What generation `a` holds.
    pub a: Held,
    /// What generation `b` holds.
    pub b: Held,
    /// How many rows only `a` has.
    pub only_a: u64,
    /// How many rows only `b` has.
    pub only_b: u64,
    /// How many rows both have, with different states.
    pub different: u64,
    /// The first of all these, side by side.
    pub sample: Vec<Differing>,
}

/// What a generation holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Held {
    /// How many rows.
    pub rows: u64,
    /// What they come to.
    #[schemars(with = "String", regex(pattern = "^[0-9a-f]{16}$"))]
    pub checksum: Checksum,
}

/// A checksum of rows, whatever their order: the XOR of the first 8 bytes of
/// the SHA-256 of each row's key, a zero byte and its state as JSON with sorted
/// fields. Two deployments with equal rows have equal checksums.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Checksum(u64);

/// A row that is not the same in both.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Differing {
    /// Its key.
    pub key: String,
    /// The row in `a`; `null` where there is none.
    pub a: Option<Side>,
    /// The row in `b`; `null` where there is none.
    pub b: Option<Side>,
}

/// One side of a differing row.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Side {
    /// Up to which version it holds its stream; only over one stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<u64>,
    /// What the projection made of the events.
    pub state: Value,
}

/// A row on its way through a comparison.
pub(super) struct Line {
    pub(super) key: String,
    /// The state's canonical JSON: fields are sorted.
    pub(super) text: String,
    pub(super) row: Row,
}

/// A differing row, and how much room it takes.
pub(super) struct Weighed {
    pub(super) shown: Differing,
    pub(super) weight: usize,
}

impl Line {
    fn checksum(&self) -> Checksum {
        let mut hash = Sha256::new();
        hash.update(&self.key);
        hash.update([0]);
        hash.update(&self.text);
        let hash = hash.finalize();
        let bytes = hash.iter().take(8);
        Checksum(bytes.fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn side(self) -> Option<Side> {
        Some(Side {
            watermark: Some(self.row.watermark).filter(|watermark| *watermark > 0),
            state: self.row.state?,
        })
    }
}

impl Comparison {
    /// Whether both hold the same.
    pub fn is_equal(&self) -> bool {
        self.only_a == 0 && self.only_b == 0 && self.different == 0
    }

    /// Counts a row as it is in each, and gives it back where it differs.
    pub(super) fn note(&mut self, a: Option<Line>, b: Option<Line>) -> Option<Weighed> {
        for (held, line) in [(&mut self.a, &a), (&mut self.b, &b)] {
            if let Some(line) = line {
                *held += Held {
                    rows: 1,
                    checksum: line.checksum(),
                };
            }
        }
        match (&a, &b) {
            (Some(a), Some(b)) if a.text == b.text => return None,
            (Some(_), Some(_)) => self.different += 1,
            (Some(_), None) => self.only_a += 1,
            (None, Some(_)) => self.only_b += 1,
            (None, None) => return None,
        }
        let lines = [&a, &b].into_iter().flatten();
        // With room for the names around each.
        let weight = lines.map(|line| weight(&line.key) + weight(&line.text) + 200);
        let weight = weight.sum();
        let key = a.as_ref().or(b.as_ref())?.key.clone();
        let (a, b) = (a.and_then(Line::side), b.and_then(Line::side));
        let shown = Differing { key, a, b };
        Some(Weighed { shown, weight })
    }
}

impl AddAssign for Comparison {
    /// Adds what another part has found.
    fn add_assign(&mut self, other: Self) {
        self.a += other.a;
        self.b += other.b;
        self.only_a += other.only_a;
        self.only_b += other.only_b;
        self.different += other.different;
        self.sample.extend(other.sample);
    }
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.checksum.0 ^= other.checksum.0;
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
