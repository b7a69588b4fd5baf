//! What readers have made of the events: the data store, in memory. All of it
//! can be made again.

use super::{journals::Instances, rows::Rows};
use crate::{Rejection, StreamName, Timestamp, reversal::place};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A reader, and a stream that it reads.
pub(super) type Place = (String, StreamName);

/// What readers have made of the events.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub rows: Rows,
    /// How far each reader without rows has come in each stream.
    pub checkpoints: BTreeMap<Place, u64>,
    pub stalls: BTreeMap<Place, Stall>,
    /// The instances of processes, by journal: the list of deadlines.
    pub instances: Instances,
}

/// Why a reader cannot go on in a stream.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stall {
    pub version: u64,
    pub why: Rejection,
}

/// A deadline, in the order in which they fire.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    pub at: Timestamp,
    pub journal: StreamName,
    pub set: u64,
    pub name: String,
}

impl Made {
    /// Takes note of how far a reader came.
    pub fn note(&mut self, reader: &str, stream: &StreamName, read: Result<(), (u64, Rejection)>) {
        let place = (reader.to_string(), stream.clone());
        match read {
            Ok(()) => self.stalls.remove(&place),
            Err((version, why)) => self.stalls.insert(place, Stall { version, why }),
        };
    }

    /// The stalls that are not among those expected.
    pub fn stalled(&self, expected: &BTreeMap<Place, Stall>) -> Vec<String> {
        let stalls = self.stalls.iter();
        let unasked = stalls.filter(|(place, stall)| expected.get(place) != Some(stall));
        let told = unasked.map(|((reader, stream), Stall { version, why })| {
            format!("{reader} at {}: {why}", place(stream, *version))
        });
        told.collect()
    }

    /// The open deadline that fires next, without those that were refused.
    pub fn next(&self, refused: &BTreeSet<(StreamName, u64)>) -> Option<Deadline> {
        let open = self.instances.iter().flat_map(|(journal, instance)| {
            let due = instance.due(Timestamp::MAX).into_iter();
            due.map(|(name, due)| Deadline {
                at: due.at,
                journal: journal.clone(),
                set: due.set,
                name: name.into(),
            })
        });
        let is_refused = |next: &Deadline| refused.contains(&(next.journal.clone(), next.set));
        open.filter(|next| !is_refused(next)).min()
    }

    /// What instances come to, by journal; `None` for one without a JSON.
    pub fn states(&self) -> BTreeMap<&StreamName, Option<Value>> {
        let instances = self.instances.iter();
        let states = instances.map(|(journal, instance)| (journal, instance.json().ok()));
        states.collect()
    }
}
