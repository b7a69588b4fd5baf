//! The faults that the functions' processes inject into their own requests.

use crate::kills::Killed;
use std::{collections::BTreeMap, fs, path::PathBuf};

/// The folder in which each process records its faults.
pub struct Log(PathBuf);

impl Log {
    /// Creates a folder, which is removed at the end.
    pub fn new() -> Result<Self, String> {
        let name = format!("rewind-torture-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// Returns the environment of the processes.
    pub fn environment(&self, seed: u64, rate: f64) -> Vec<(String, String)> {
        if rate == 0.0 {
            return Vec::new();
        }
        let folder = self.0.display().to_string();
        vec![
            (
                fault_layer::VARIABLE.into(),
                format!("seed={seed},rate={rate}"),
            ),
            (fault_layer::LOG_VARIABLE.into(), folder),
        ]
    }

    /// Returns the number of faults by kind, including kills.
    pub fn counts(&self, killed: Killed) -> Result<String, String> {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let unreadable = |error: std::io::Error| format!("{}: {error}", self.0.display());
        for entry in fs::read_dir(&self.0).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let text = fs::read(path).map_err(unreadable)?;
            for kind in String::from_utf8_lossy(&text).lines() {
                *counts.entry(kind.to_string()).or_default() += 1;
            }
        }
        for (function, count) in killed {
            counts.insert(format!("SIGKILL of {function}"), count);
        }
        let total: u64 = counts.values().sum();
        let counts = counts.iter().map(|(kind, count)| format!("{count} {kind}"));
        let counts: Vec<String> = counts.collect();
        Ok(format!("{total}: {}", counts.join(", ")))
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        // A folder that stays in the temporary directory is harmless.
        let _ = fs::remove_dir_all(&self.0);
    }
}
