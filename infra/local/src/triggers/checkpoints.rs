//! How far each mapping is in a stream behind an endpoint.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{disk, private};

const FILE: &str = "checkpoints.json";
/// How often they are written down, at most.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The last finished sequence number of each mapping and shard, in a file.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    state: Mutex<(BTreeMap<String, String>, Instant)>,
}

impl Checkpoints {
    /// Reads what the last run left; nothing when there is no file, or half of one.
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
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .0
            .get(&key(mapping, shard))
            .cloned()
    }

    pub fn set(&self, mapping: &str, shard: &str, sequence: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0.insert(key(mapping, shard), sequence.to_owned());
        if state.1.elapsed() >= SAVE_EVERY {
            state.1 = Instant::now();
            self.write(&state.0);
        }
    }

    /// Writes them down now.
    pub fn save(&self) {
        self.write(&self.state.lock().unwrap_or_else(PoisonError::into_inner).0);
    }

    fn write(&self, all: &BTreeMap<String, String>) {
        let written = serde_json::to_vec(all)
            .map_err(std::io::Error::from)
            .and_then(|text| private::write_private(&self.folder.join(FILE), text));
        // A full disk has a message of its own.
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
