//! How far each consumer of a stream is, in a file. With it the next start repeats few records.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::state::private;

const FILE: &str = "finished.json";

/// The last finished sequence number of each consumer and shard, in one epoch.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// The run whose sequence numbers these are.
    pub epoch: u64,
    /// By consumer, then by shard.
    pub finished: BTreeMap<String, BTreeMap<String, String>>,
}

impl Progress {
    /// Reads the progress of the last run. A missing or damaged file means no progress: more records are repeated.
    pub fn load(folder: &Path) -> Self {
        fs::read(folder.join(FILE))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default()
    }

    /// Replaces the file in one step. A reader never sees half of it.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        private::write_private(&folder.join(FILE), serde_json::to_vec(self)?)
    }

    /// Whether all of `consumers` have finished a record.
    pub fn is_finished(&self, entry: &Entry<'_>, consumers: &[String]) -> bool {
        consumers.iter().all(|consumer| {
            self.finished
                .get(consumer)
                .and_then(|shards| shards.get(entry.shard.as_ref()))
                .is_some_and(|finished| finished.as_str() >= entry.sequence.as_ref())
        })
    }
}
