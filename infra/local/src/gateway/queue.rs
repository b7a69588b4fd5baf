//! Asynchronous invocations: accepted, kept on disk, and tried again as Lambda does it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::activity::{Activity, Busy};
use crate::runtime::{By, Outcome, Runtime};
use crate::shutdown::stopped;
use crate::state::disk::Disk;
use crate::state::private;

/// The pauses before the two retries. AWS has two as well, after one and two minutes.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// The queue of asynchronous invocations.
#[derive(Debug)]
pub(crate) struct Queue {
    runtime: Arc<Runtime>,
    activity: Activity,
    // Holds a file for each event that has not ended. Without a folder, events are in memory only.
    folder: Option<PathBuf>,
    disk: Disk,
    closing: watch::Receiver<bool>,
}

impl Queue {
    pub fn new(
        runtime: Arc<Runtime>,
        activity: Activity,
        folder: Option<PathBuf>,
        disk: Disk,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            runtime,
            activity,
            folder,
            disk,
            closing,
        }
    }

    /// Starts the events that the last run accepted and did not end, oldest first.
    ///
    /// # Errors
    ///
    /// When the folder or a file in it cannot be read.
    pub fn resume(self: &Arc<Self>) -> io::Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let mut files = fs::read_dir(folder)?
            .map(|file| Ok(file?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        // File names begin with the time.
        files.sort();
        for file in files {
            match function_of(&file) {
                Some(function) if self.runtime.function(&function).is_some() => {
                    let payload = fs::read(&file)?.into();
                    self.start(function, payload, Some(file));
                }
                // This is half a file, which was never accepted, or the template no longer has the function.
                _ => fs::remove_file(&file)?,
            }
        }
        Ok(())
    }

    /// Accepts an event, which is on disk when this returns. The task ends after the event's last attempt.
    ///
    /// # Errors
    ///
    /// When the event's file cannot be written.
    pub fn put(self: &Arc<Self>, function: &str, payload: Bytes) -> io::Result<JoinHandle<()>> {
        let file = match &self.folder {
            Some(folder) => {
                let file = folder.join(format!("{}.{function}.json", uuid::Uuid::now_v7()));
                private::write_private(&file, &payload).inspect_err(|error| {
                    self.disk.is_cause(error);
                })?;
                Some(file)
            }
            None => None,
        };
        Ok(self.start(function.to_owned(), payload, file))
    }

    fn start(
        self: &Arc<Self>,
        function: String,
        payload: Bytes,
        file: Option<PathBuf>,
    ) -> JoinHandle<()> {
        let busy = self.activity.begin();
        tokio::spawn(self.clone().run(function, payload, file, busy))
    }

    async fn run(
        self: Arc<Self>,
        function: String,
        payload: Bytes,
        file: Option<PathBuf>,
        busy: Busy,
    ) {
        let mut pauses = PAUSES.into_iter();
        loop {
            let times_full = self.disk.times_full();
            let Outcome::Failure(failure) = self
                .runtime
                .invoke(By::Trigger, &function, payload.clone())
                .await
            else {
                break;
            };
            if *self.closing.borrow() {
                // The stop caused the failure. The next start begins the event again.
                return;
            }
            if self.disk.was_full_since(times_full) {
                // The disk was full: the failure does not count, and the event begins again when there is space.
                tokio::select! {
                    () = stopped(self.closing.clone()) => return,
                    () = self.disk.room() => continue,
                }
            }
            let Some(pause) = pauses.next() else {
                tracing::error!(
                    function,
                    error = failure.text(),
                    "an event is given up on after its retries"
                );
                break;
            };
            tracing::warn!(
                function,
                error = failure.text(),
                "an event failed; it is tried again"
            );
            if tokio::time::timeout(pause, stopped(self.closing.clone()))
                .await
                .is_ok()
            {
                return;
            }
        }
        if let Some(error) = file.and_then(|file| fs::remove_file(file).err()) {
            tracing::warn!(function, %error, "an event that has ended will be repeated at the next start");
        }
        drop(busy);
    }
}

/// The function in the name of an event's file: `<time>.<function>.json`.
fn function_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?.strip_suffix(".json")?;
    name.split_once('.')
        .map(|(_, function)| function.to_owned())
}
