//! The checkpoints of mappings on streams behind an endpoint, in a file.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::lock::locked;
use crate::state::{disk, private};

const FILE: &str = "checkpoints.json";
/// The shortest time between two writes of the file.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The last finished sequence number of each mapping and shard.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    state: Mutex<(BTreeMap<String, String>, Instant)>,
}

impl Checkpoints {
    /// Reads the file of the last run. A missing or damaged file means no checkpoints.
    pub fn load(folder: PathBuf) -> Self {
        let found = fs::read(folder.join(FILE))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok());
        Self {
            folder,
            state: Mutex::new((found.unwrap_or_default(), Instant::now())),
        }
    }

    pub fn get(&self, mapping: &str, shard: &str) -> Option<String> {
        locked(&self.state).0.get(&key(mapping, shard)).cloned()
    }

    pub fn set(&self, mapping: &str, shard: &str, sequence: &str) {
        let mut state = locked(&self.state);
        state.0.insert(key(mapping, shard), sequence.to_owned());
        if state.1.elapsed() >= SAVE_EVERY {
            state.1 = Instant::now();
            self.write(&state.0);
        }
    }

    /// Writes the file now.
    pub fn save(&self) {
        self.write(&locked(&self.state).0);
    }

    fn write(&self, all: &BTreeMap<String, String>) {
        let written = serde_json::to_vec(all)
            .map_err(std::io::Error::from)
            .and_then(|text| private::write_private(&self.folder.join(FILE), text));
        // A full disk is reported elsewhere.
        if let Err(error) = written
            && !disk::is_of_space(&error)
        {
            tracing::warn!(%error, "the checkpoints are not saved: the next start repeats more");
        }
    }
}

fn key(mapping: &str, shard: &str) -> String {
    format!("{mapping}/{shard}")
}
