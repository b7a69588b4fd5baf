//! Where shared rows say otherwise than history does: behind events that were
//! passed over.

use crate::data_table::row::Row;
use serde_json::Value;
use std::collections::BTreeSet;

/// The events of which rows say otherwise than history does: a version that was
/// passed over would have put one in, or taken it out. The next version that
/// does something to the event finds it done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Apart(BTreeSet<u64>);

impl Apart {
    /// Whether the rows say otherwise of the event at a version: what comes
    /// next to it then changes nothing.
    pub fn holds(&self, root: u64) -> bool {
        self.0.contains(&root)
    }

    /// A version does something to an event, or was passed over.
    pub fn follow(&mut self, root: u64, is_passed: bool) {
        match is_passed {
            true => self.0.insert(root),
            false => self.0.remove(&root),
        };
    }
}

/// The versions that a checkpoint says were passed over.
pub(crate) fn passed(checkpoint: &Row) -> BTreeSet<u64> {
    let state = checkpoint.state.as_ref().map(|state| &state["passed"]);
    let versions = state.and_then(Value::as_array).into_iter().flatten();
    versions.filter_map(Value::as_u64).collect()
}
