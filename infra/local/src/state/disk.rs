//! Whether the disk of the state folder has space.
//!
//! Recording what was accepted takes space: for the tables, their write-ahead log and the journals. So the disk counts
//! as full some megabytes before its end. From then on nothing more is accepted, and what was accepted still has space.
//! Work that fails on a full disk waits, and is not given up on. One message tells that the disk is full, and one that
//! it has space again.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::{StatusCode, header};
use tokio::sync::watch;

use super::private;
use crate::error::StartError;
use crate::http::Problem;
use crate::shutdown::stopped;

/// The free space below which the disk counts as full.
const NEEDED: u64 = 16 * 1024 * 1024;
/// How often the free space is checked.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How much a test write writes, after a write has failed. The free space alone does not show a quota.
const PROBE_BYTES: usize = 256 * 1024;
const PROBE: &str = "space.probe";

/// The state folder's disk.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    full: watch::Sender<bool>,
    times: AtomicU64,
}

impl Disk {
    /// No disk, which is never full: for a system with its state in memory.
    pub fn none() -> Self {
        Self(None)
    }

    /// The disk of a folder. It is checked until `shutdown` turns true.
    ///
    /// # Errors
    ///
    /// When the disk is full.
    pub fn of(folder: &Path, shutdown: watch::Receiver<bool>) -> Result<Self, StartError> {
        let inner = Arc::new(Inner {
            folder: folder.to_owned(),
            full: watch::Sender::new(false),
            times: AtomicU64::new(0),
        });
        let (is_full, free) = inner.measure(true, false);
        if is_full {
            return Err(StartError::DiskFull {
                path: folder.to_owned(),
                free,
                needed: NEEDED,
            });
        }
        tokio::spawn(follow(inner.clone(), shutdown));
        Ok(Self(Some(inner)))
    }

    /// Refuses a request that writes, while the disk is full.
    pub fn check(&self) -> Result<(), Problem> {
        if !self.is_full() {
            return Ok(());
        }
        let detail = format!(
            "The disk of the state folder is full: less than {} MB are free. Nothing was accepted. \
             Free some space, then send the request again.",
            NEEDED / 1024 / 1024
        );
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Disk full", detail);
        Err(problem.with(header::RETRY_AFTER, "1"))
    }

    pub fn is_full(&self) -> bool {
        self.0.as_ref().is_some_and(|inner| *inner.full.borrow())
    }

    /// How often the disk has become full since the start.
    pub fn times_full(&self) -> u64 {
        self.0
            .as_ref()
            .map_or(0, |inner| inner.times.load(Ordering::SeqCst))
    }

    /// Whether the disk is full, or has been full since [`Disk::times_full`] returned `times`.
    pub fn was_full_since(&self, times: u64) -> bool {
        self.is_full() || self.times_full() != times
    }

    /// Resolves when the disk is not full.
    pub async fn room(&self) {
        if let Some(inner) = &self.0 {
            let mut full = inner.full.subscribe();
            // The sender lives as long as `self`.
            let _ = full.wait_for(|is_full| !is_full).await;
        }
    }

    /// Checks the disk after a failed write. Returns whether it is full.
    pub fn suspect(&self) -> bool {
        if let Some(inner) = &self.0 {
            inner.look(true);
        }
        self.is_full()
    }

    /// Whether a write failed because the disk is full.
    pub fn is_cause(&self, error: &io::Error) -> bool {
        is_of_space(error) && self.suspect()
    }
}

/// Whether an error means that there is no space.
pub(crate) fn is_of_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded
    )
}

/// The error of a start on a full disk, which `path` is on.
pub(crate) fn full(path: &Path) -> StartError {
    StartError::DiskFull {
        path: path.to_owned(),
        free: free(path).unwrap_or_default(),
        needed: NEEDED,
    }
}

async fn follow(inner: Arc<Inner>, shutdown: watch::Receiver<bool>) {
    while tokio::time::timeout(LOOK_EVERY, stopped(shutdown.clone()))
        .await
        .is_err()
    {
        inner.look(false);
    }
    // Nobody waits for space after the stop.
    inner.full.send_replace(false);
}

impl Inner {
    /// Checks the disk, and logs a change. `is_suspect` says that a write has failed, so a test write is made.
    fn look(&self, is_suspect: bool) {
        let was_full = *self.full.borrow();
        let (is_full, free) = self.measure(is_suspect || was_full, was_full);
        if self
            .full
            .send_if_modified(|full| std::mem::replace(full, is_full) != is_full)
        {
            let (folder, free_mb) = (self.folder.display(), free / 1024 / 1024);
            if is_full {
                self.times.fetch_add(1, Ordering::SeqCst);
                tracing::error!(
                    %folder,
                    free_mb,
                    needed_mb = NEEDED / 1024 / 1024,
                    "the disk is full: requests that write are refused with 503 until there is space"
                );
            } else {
                tracing::warn!(%folder, free_mb, "there is space on the disk again: requests that write are taken");
            }
        }
    }

    /// Whether the disk is full, and how much of it is free.
    fn measure(&self, by_writing: bool, was_full: bool) -> (bool, u64) {
        let free = free(&self.folder).unwrap_or(u64::MAX);
        // All that has waited writes at once. With a little more space than needed, the disk is not full again at the
        // next check.
        let needed = if was_full { NEEDED / 4 * 5 } else { NEEDED };
        let is_full =
            free < needed || (by_writing && self.probe().is_err_and(|error| is_of_space(&error)));
        (is_full, free)
    }

    fn probe(&self) -> io::Result<()> {
        let path = self.folder.join(PROBE);
        let written = private::create(&path).and_then(|mut file| file.write_all(&[0; PROBE_BYTES]));
        let removed = fs::remove_file(&path);
        written.and(removed)
    }
}

fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}
