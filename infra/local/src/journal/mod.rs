//! What a stream holds and its consumers have not finished, on disk.
//!
//! The embedded Kinesis is in memory. A journal per stream lets its records survive the process: each put is appended
//! before it is answered, and what is unfinished is put again at the next start. Repeats are harmless, as they are on
//! Kinesis; losing one is not.
//!
//! A put is a plain `write(2)` without `fsync`: the page cache survives `kill -9`, and a laptop that loses power is not
//! what the local system defends against.

mod entry;
mod progress;
mod segment;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::{disk, private};

pub(crate) use entry::Entry;
pub(crate) use progress::Progress;
use segment::Segment;

/// How large a segment grows before the next one begins.
const SEGMENT_BYTES: u64 = 4 * 1024 * 1024;
/// How often the progress of the consumers is written down, at most.
const SAVE_EVERY: Duration = Duration::from_secs(1);

/// The journal of one stream.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    // Sequence numbers of two runs do not compare, so that each run has its own epoch.
    epoch: u64,
    segments: Vec<Segment>,
    next_number: u64,
    saved: Instant,
    segment_bytes: u64,
}

/// What the journal held when it was opened: segments of earlier runs.
#[derive(Debug)]
pub(crate) struct Earlier {
    files: Vec<(u64, PathBuf)>,
    progress: Progress,
}

impl Journal {
    /// Opens the journal in a folder, and says what earlier runs left in it.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or read.
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

    /// Appends the records of one put, in order. When it fails, none of them is in the journal.
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

    /// Removes the segments that hold nothing but what all consumers have finished.
    ///
    /// `finished` is the last sequence number of each shard up to which all consumers are through.
    pub fn trim(&mut self, finished: &BTreeMap<String, String>) {
        let last = self.segments.len().saturating_sub(1);
        let mut index = 0;
        self.segments.retain_mut(|segment| {
            let is_last = index == last;
            index += 1;
            if !segment.is_finished(finished) {
                return true;
            }
            // The last one is written to next: emptying it saves making a new file for each quiet moment.
            if is_last {
                segment.clear()
            } else {
                !segment.remove()
            }
        });
    }

    /// Writes down how far each consumer is, unless that was done just now.
    pub fn save(&mut self, finished: &BTreeMap<String, BTreeMap<String, String>>, is_urgent: bool) {
        if !is_urgent && self.saved.elapsed() < SAVE_EVERY {
            return;
        }
        self.saved = Instant::now();
        let progress = Progress {
            epoch: self.epoch,
            finished: finished.clone(),
        };
        // Without it more is repeated at the next start, which is harmless. A full disk has a message of its own.
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

    /// The records of one file that some of `consumers` has not finished, in the order in which they were put.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or holds something else than records before its last line.
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

    /// Removes what earlier runs left, once it has been put again.
    ///
    /// Newest first: should the process die in between, what remains is a beginning of what was put again, so that the
    /// next start repeats records but never reorders them.
    pub fn remove(self) -> io::Result<()> {
        self.files
            .iter()
            .rev()
            .try_for_each(|(_, path)| fs::remove_file(path))
    }
}

#[cfg(test)]
mod tests;
