//! One file of a journal: a record on each line.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Entry;
use crate::state::private;

/// A file that records are appended to.
#[derive(Debug)]
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    bytes: u64,
    // The last sequence number of each shard in this file.
    last: BTreeMap<String, String>,
    is_sound: bool,
}

impl Segment {
    pub fn create(folder: &Path, epoch: u64, number: u64) -> io::Result<Self> {
        let path = folder.join(format!("{epoch:08}-{number:08}.jsonl"));
        let file = private::options()
            .create_new(true)
            .append(true)
            .open(&path)?;
        Ok(Self {
            path,
            file,
            bytes: 0,
            last: BTreeMap::new(),
            is_sound: true,
        })
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the file can be appended to. It cannot after half a line was written and could not be cut off.
    pub fn is_sound(&self) -> bool {
        self.is_sound
    }

    pub fn append(&mut self, lines: &[u8], entries: &[Entry<'_>]) -> io::Result<()> {
        if let Err(error) = self.file.write_all(lines) {
            // Half a line in the middle would make the rest of the file unreadable.
            self.is_sound = self.file.set_len(self.bytes).is_ok();
            return Err(error);
        }
        self.bytes += lines.len() as u64;
        for entry in entries {
            match self.last.get_mut(entry.shard.as_ref()) {
                Some(last) => entry.sequence.as_ref().clone_into(last),
                None => drop(
                    self.last
                        .insert(entry.shard.to_string(), entry.sequence.to_string()),
                ),
            }
        }
        Ok(())
    }

    pub fn is_finished(&self, finished: &BTreeMap<String, String>) -> bool {
        self.last
            .iter()
            .all(|(shard, last)| finished.get(shard).is_some_and(|finished| finished >= last))
    }

    /// Empties the file, which is appended to again. If that fails, the next trim tries again.
    pub fn clear(&mut self) {
        if self.bytes > 0 && self.file.set_len(0).is_ok() {
            self.bytes = 0;
            self.last.clear();
        }
    }

    /// Removes the file. Returns false when that fails; the next trim tries again.
    pub fn remove(&mut self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }
}

/// The epoch and number in a segment's file name.
pub(super) fn parse_name(path: &Path) -> Option<(u64, u64)> {
    let (epoch, number) = path
        .file_name()?
        .to_str()?
        .strip_suffix(".jsonl")?
        .split_once('-')?;
    Some((epoch.parse().ok()?, number.parse().ok()?))
}

/// The records of a file.
///
/// # Errors
///
/// When a line before the last is not a record. The last line may be incomplete: the process was killed while it wrote,
/// so that put was never answered.
pub(super) fn read(path: &Path) -> io::Result<Vec<Entry<'static>>> {
    let content = fs::read(path)?;
    let mut entries = Vec::new();
    let mut lines = content
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .peekable();
    while let Some(line) = lines.next() {
        match serde_json::from_slice(line) {
            Ok(entry) => entries.push(entry),
            Err(_) if lines.peek().is_none() => break,
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        }
    }
    Ok(entries)
}
