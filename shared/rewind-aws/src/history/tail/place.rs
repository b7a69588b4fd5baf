//! Where a tail was read up to.

use crate::event_table::event_store::Entry;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rewind::StreamName;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Where a tail was read up to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Place {
    /// All commits below this position were told.
    pub(super) settled: u64,
    /// The commits at and above it that were told.
    pub(super) told: BTreeSet<Mark>,
}

/// A commit that was told: its position, and a part of the hash of its name.
/// Commits of other streams may have the same position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark {
    pub position: u64,
    name: u32,
}

impl Mark {
    pub fn new(stream: &StreamName, version: u64, position: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(stream.as_str());
        hash.update(version.to_be_bytes());
        let hash = hash.finalize();
        let name = u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]]);
        Self { position, name }
    }

    /// Not above any mark at this position.
    pub fn at(position: u64) -> Self {
        Self { position, name: 0 }
    }

    pub fn of(entry: &Entry) -> Self {
        Self::new(&entry.stream, entry.version, entry.position)
    }
}

impl Place {
    /// Behind a position: what stands at it or below is not told.
    pub fn behind(position: u64) -> Self {
        Self {
            settled: position.saturating_add(1),
            told: BTreeSet::new(),
        }
    }
}

/// A place as it is written: a mark takes eight bytes.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    settled: u64,
    told: String,
}

impl From<Place> for Written {
    fn from(place: Place) -> Self {
        let mut told = Vec::with_capacity(8 * place.told.len());
        for mark in &place.told {
            let above = mark.position.saturating_sub(place.settled);
            // Marks lie within the time in which a position settles.
            let above = u32::try_from(above).unwrap_or(u32::MAX);
            told.extend(above.to_be_bytes());
            told.extend(mark.name.to_be_bytes());
        }
        Self {
            settled: place.settled,
            told: URL_SAFE_NO_PAD.encode(told),
        }
    }
}

impl TryFrom<Written> for Place {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let bytes = URL_SAFE_NO_PAD.decode(&written.told);
        let bytes = bytes.map_err(|error| error.to_string())?;
        let (marks, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() {
            return Err("a mark has eight bytes".to_string());
        }
        let told = marks.iter().map(|&[a, b, c, d, e, f, g, h]| Mark {
            position: written
                .settled
                .saturating_add(u32::from_be_bytes([a, b, c, d]).into()),
            name: u32::from_be_bytes([e, f, g, h]),
        });
        Ok(Self {
            settled: written.settled,
            told: told.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_as_it_was_written() {
        let stream = StreamName::new("cart-1").unwrap();
        let mut place = Place::behind(1_000_000);
        for nth in 0..3 {
            let position = 1_000_001 + nth * 40_000_000;
            place.told.insert(Mark::new(&stream, nth + 1, position));
        }
        let text = serde_json::to_string(&place).unwrap();
        assert_eq!(serde_json::from_str::<Place>(&text).unwrap(), place);
        let cut = r#"{"settled":1,"told":"AAAA"}"#;
        assert!(serde_json::from_str::<Place>(cut).is_err());
    }
}
