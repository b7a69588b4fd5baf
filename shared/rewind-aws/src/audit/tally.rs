//! Some of the rows that streams share, folded anew: as many as memory should
//! hold at once.

use super::{
    filter::digest,
    look::{Run, locked},
    readers::Way,
    report::{Kind, Violation},
    standing::Standing,
};
use crate::{history::resolve::Resolved, project::many_streams::passed};
use rewind::{Change, Rejection};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Mutex,
};

/// Bytes of JSON that the rows held at once are to take.
pub(super) const BYTES_AT_ONCE: u64 = 64 << 20;

/// A row: its reader's place, and its key.
pub(super) type Name = (usize, String);

/// Which rows are folded.
pub(super) enum Scope {
    /// Those that fall into one of so many parts.
    Part { nth: u64, of: u64 },
    /// These.
    Only(HashSet<Name>),
}

/// The rows of a scope.
pub(super) struct Tally {
    pub scope: Scope,
    pub rows: HashMap<Name, Result<Value, Rejection>>,
    /// More rows than these are not folded.
    room: usize,
    /// Whether some rows were left out for want of room.
    pub is_overfull: bool,
}

impl Scope {
    pub fn holds(&self, reader: usize, key: &str) -> bool {
        match self {
            // Ranges of hashes, so that a part can be cut in parts.
            Self::Part { nth, of } => {
                let hash = u128::from(digest(&(reader, key)));
                (hash * u128::from(*of)) >> 64 == u128::from(*nth)
            }
            Self::Only(names) => names.contains(&(reader, key.to_string())),
        }
    }
}

impl Tally {
    pub fn new(scope: Scope, room: usize) -> Self {
        Self {
            scope,
            room,
            rows: HashMap::new(),
            is_overfull: false,
        }
    }

    /// Folds a stream's next events in, up to the reader's checkpoint.
    fn take(
        &mut self,
        standing: &Standing<'_>,
        events: &[Resolved<'_>],
    ) -> Result<(), (u64, Rejection)> {
        let Way::SharedRows(generation) = &standing.reader.way else {
            return Ok(());
        };
        if !standing.reader.shares_rows() {
            return Ok(());
        }
        let passed = passed(&standing.row);
        let mut apart = locked(&standing.apart);
        let mut touched: BTreeMap<String, Vec<Change<'_>>> = BTreeMap::new();
        let mut refused = None;
        for event in events {
            if event.version > standing.row.watermark {
                break;
            }
            let change = event.change(generation.selection.as_ref());
            if event.does_nothing() {
                continue;
            }
            let (root, is_passed) = (event.root.version, passed.contains(&event.version));
            let is_done = apart.holds(root) || is_passed;
            apart.follow(root, is_passed);
            if is_done || change == Change::Pass {
                continue;
            }
            match generation.projection.keys(&event.root) {
                Ok(keys) => {
                    for key in keys {
                        if self.scope.holds(standing.nth, &key) {
                            touched.entry(key).or_default().push(change);
                        }
                    }
                }
                Err(reason) => refused = refused.or(Some((event.version, reason))),
            }
        }
        for (key, changes) in touched {
            let name = (standing.nth, key);
            let before = self.rows.get(&name);
            if before.is_none() && self.rows.len() >= self.room {
                self.is_overfull = true;
                continue;
            }
            let state = match before {
                Some(Err(_)) => continue,
                Some(Ok(state)) => Some(state),
                None => None,
            };
            let folded = generation.projection.fold(&name.1, state, &changes);
            match (folded.rejection, folded.row) {
                (Some(refused), _) => self.rows.insert(name, Err(refused)),
                (None, Some(row)) => self.rows.insert(name, Ok(row)),
                // A deleted row is none.
                (None, None) => self.rows.remove(&name),
            };
        }
        refused.map_or(Ok(()), Err)
    }
}

impl Run<'_> {
    /// Folds a page of a stream into the shared rows of all its readers.
    pub(super) fn tally(
        &self,
        standings: &[Standing<'_>],
        events: &[Resolved<'_>],
        tally: &Mutex<Tally>,
        is_first_look: bool,
    ) {
        for standing in standings {
            let outcome = locked(tally).take(standing, events);
            if let (Err((version, refused)), true) = (outcome, is_first_look) {
                let place = format!("{}/{}", standing.reader.name, standing.key.sk);
                let expected = format!("rows of the events up to {}", standing.row.watermark);
                let found = format!(
                    "version {version}, which is below the checkpoint, is refused: {refused}"
                );
                self.violation(Violation::new(Kind::RowDiffers, place, expected, found));
            }
        }
    }
}
