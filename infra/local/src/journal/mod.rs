//! Keeps on disk the records of a stream that its consumers have not finished.
//!
//! The embedded Kinesis is in memory. A journal for each stream lets its records survive the process: a put is appended
//! before it is answered, and unfinished records are put again at the next start. Some may be put twice, which Kinesis
//! allows too. None is lost.
//!
//! The room knows records, consumers and files. It does not know what a record holds, nor who the consumers are.
//!
//! A put is a `write(2)` without `fsync`. The page cache survives `kill -9`; it does not survive a loss of power, which
//! the local system does not protect against.
//!
//! A table in SQLite was measured in its place (records of 1 KB, development build, no `fsync` either). One record a put:
//! 11,000 to 26,000 puts/s here, 12,000 to 27,000 there, so speed decides nothing. But a finished segment gives its space
//! back at once, also on a full disk. SQLite cannot delete on a full disk, and its file never shrinks.

mod entry;
mod progress;
mod segment;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::state::{disk, private};

pub(crate) use entry::Entry;
pub(crate) use progress::Progress;
use segment::Segment;

/// The size at which a segment ends and the next one begins.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
/// The shortest time between two saves of the consumers' progress.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The journal of one stream.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    // Sequence numbers of different runs cannot be compared. So each run has an epoch of its own.
    epoch: u64,
    segments: Vec<Segment>,
    next_number: u64,
    saved: Instant,
    segment_bytes: u64,
}

/// The segments of earlier runs, as they were when the journal was opened.
#[derive(Debug)]
pub(crate) struct Earlier {
    files: Vec<(u64, PathBuf)>,
    progress: Progress,
}

impl Journal {
    /// Opens the journal in a folder. Also returns the segments that earlier runs left in it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be created or read.
    pub fn open(folder: &Path) -> io::Result<(Self, Earlier)> {
        Self::with_segments_of(folder, SEGMENT_BYTES)
    }

    fn with_segments_of(folder: &Path, segment_bytes: u64) -> io::Result<(Self, Earlier)> {
        private::make_folder(folder)?;
        let mut files = Vec::new();
        for file in fs::read_dir(folder)? {
            let path = file?.path();
            if let Some((epoch, number)) = segment::parse_name(&path) {
                files.push((epoch, number, path));
            }
        }
        files.sort();
        let progress = Progress::load(folder);
        let last_epoch = files.last().map_or(0, |file| file.0).max(progress.epoch);
        let journal = Self {
            folder: folder.to_owned(),
            epoch: last_epoch + 1,
            segments: Vec::new(),
            next_number: 0,
            saved: Instant::now(),
            segment_bytes,
        };
        let files = files
            .into_iter()
            .map(|(epoch, _, path)| (epoch, path))
            .collect();
        Ok((journal, Earlier { files, progress }))
    }

    /// Appends the records of one put, in order.
    ///
    /// # Errors
    ///
    /// When the file cannot be written. None of the records is in the journal then.
    pub fn append(&mut self, entries: &[Entry<'_>]) -> io::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            entry.write_to(&mut lines)?;
        }
        let is_full = self.segments.last().is_none_or(|last| {
            !last.is_sound()
                || (last.bytes() > 0 && last.bytes() + lines.len() as u64 > self.segment_bytes)
        });
        if is_full {
            self.segments
                .push(Segment::create(&self.folder, self.epoch, self.next_number)?);
            self.next_number += 1;
        }
        match self.segments.last_mut() {
            Some(segment) => segment.append(&lines, entries),
            None => Ok(()),
        }
    }

    /// Removes the segments whose records all consumers have finished.
    ///
    /// `finished` holds the last sequence number of each shard that all consumers have finished.
    pub fn trim(&mut self, finished: &BTreeMap<String, String>) {
        let last = self.segments.len().saturating_sub(1);
        let mut index = 0;
        self.segments.retain_mut(|segment| {
            let is_last = index == last;
            index += 1;
            if !segment.is_finished(finished) {
                return true;
            }
            // The last segment is emptied and used again. Otherwise each pause in the stream would make a new file.
            if is_last {
                segment.clear();
                return true;
            }
            !segment.remove()
        });
    }

    /// Saves how far each consumer is, unless the last save is recent. An urgent save is always made.
    pub fn save(&mut self, finished: &BTreeMap<String, BTreeMap<String, String>>, is_urgent: bool) {
        if !is_urgent && self.saved.elapsed() < SAVE_EVERY {
            return;
        }
        self.saved = Instant::now();
        let progress = Progress {
            epoch: self.epoch,
            finished: finished.clone(),
        };
        // Without it the next start repeats more, which is harmless. A full disk is reported elsewhere.
        if let Err(error) = progress.save(&self.folder)
            && !disk::is_of_space(&error)
        {
            tracing::warn!(folder = %self.folder.display(), %error, "the progress of a stream's consumers is not saved");
        }
    }
}

impl Earlier {
    /// The files of earlier runs, oldest first.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|(_, path)| path.as_path())
    }

    /// The records of one file that at least one of `consumers` has not finished, in the order of their puts.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or when a line before the last is not a record.
    pub fn unfinished(&self, file: &Path, consumers: &[String]) -> io::Result<Vec<Entry<'static>>> {
        let epoch = self
            .files
            .iter()
            .find(|(_, path)| path == file)
            .map_or(0, |(epoch, _)| *epoch);
        let mut entries = segment::read(file)?;
        if epoch == self.progress.epoch {
            entries.retain(|entry| !self.progress.is_finished(entry, consumers));
        }
        Ok(entries)
    }

    /// Removes the segments of earlier runs, after their records have been put again.
    ///
    /// The newest file goes first. If the process dies in between, the oldest files remain. The next start then repeats
    /// records, and never reorders them.
    ///
    /// # Errors
    ///
    /// When a file cannot be removed.
    pub fn remove(self) -> io::Result<()> {
        self.files
            .iter()
            .rev()
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

#[cfg(test)]
mod tests;
