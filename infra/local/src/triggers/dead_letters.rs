//! Keeps the records that a mapping gives up on: a file for each batch, in the format of Lambda's S3 destination.
//!
//! Whoever subscribes to the bucket is told of each file at least once. Until that is done, the file is also in the
//! folder of untold ones, where the next start finds it.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use super::batch::{Condition, GivenUp};
use super::event;
use crate::clock;
use crate::permissions::{Guard, Use};
use crate::runtime::Outcome;
use crate::shutdown::stopped;
use crate::state::disk::Disk;
use crate::state::private;
use crate::template::{Function, Mapping};

/// The pause before a file that could not be written is tried again.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// The folder of the dead letters that nobody has been told of, inside of the folder of all. Below it are the bucket and
/// the function.
const UNTOLD: &str = ".untold";

/// The folder of dead letters.
pub(crate) struct DeadLetters {
    folder: PathBuf,
    guard: Arc<Guard>,
    disk: Disk,
    closing: watch::Receiver<bool>,
    tell: Box<Tell>,
}

/// An object that was made in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// The bucket's name.
    pub bucket: String,
    /// The path of the file in the folder of dead letters.
    pub key: String,
    pub bytes: u64,
    /// When it was made, in milliseconds since 1970.
    pub time_ms: u64,
}

/// Tells whoever wants to know of a new object.
pub(crate) type Tell = dyn Fn(&Object) -> io::Result<()> + Send + Sync;

/// A letter that is about to be written.
struct Letter<'a> {
    bucket: Option<&'a str>,
    function: &'a str,
    shard: &'a str,
    text: String,
}

impl DeadLetters {
    /// The dead letters in a folder on a disk. After `closing` turns true, a failed write is not tried again.
    pub fn new(
        folder: PathBuf,
        guard: Arc<Guard>,
        disk: Disk,
        closing: watch::Receiver<bool>,
        tell: Box<Tell>,
    ) -> Self {
        Self {
            folder,
            guard,
            disk,
            closing,
            tell,
        }
    }

    /// Tells of the dead letters of the last run of which it is unsure whether it has told.
    ///
    /// # Errors
    ///
    /// When the folder or a file in it cannot be read.
    pub fn resume(&self) -> io::Result<()> {
        for bucket in entries(&self.folder.join(UNTOLD))? {
            for function in entries(&bucket)? {
                for untold in entries(&function)? {
                    self.resume_one(&name(&bucket), &name(&function), &untold)?;
                }
            }
        }
        Ok(())
    }

    fn resume_one(&self, bucket: &str, function: &str, untold: &Path) -> io::Result<()> {
        let text = fs::read(untold)?;
        if serde_json::from_slice::<Value>(&text).is_err() {
            // Half a letter: its records are not finished, and come again.
            return fs::remove_file(untold);
        }
        let path = self.folder.join(function).join(name(untold));
        private::make_folder(&self.folder.join(function))?;
        if serde_json::from_slice::<Value>(&fs::read(&path).unwrap_or_default()).is_err() {
            private::write_private(&path, &text)?;
        }
        self.told(bucket, function, &path, text.len());
        Ok(())
    }

    /// Tells of a letter, which stays untold where that fails.
    fn told(&self, bucket: &str, function: &str, path: &Path, bytes: usize) {
        let name = name(path);
        let object = Object {
            bucket: bucket.to_owned(),
            key: format!("{function}/{name}"),
            bytes: bytes as u64,
            time_ms: clock::now_ms(),
        };
        let untold = self.untold(bucket, function).join(&name);
        if let Err(error) = (self.tell)(&object).and_then(|()| fs::remove_file(&untold)) {
            tracing::warn!(key = object.key, %error, "a dead letter is told of at the next start");
        }
    }

    fn untold(&self, bucket: &str, function: &str) -> PathBuf {
        self.folder.join(UNTOLD).join(bucket).join(function)
    }

    /// Keeps records that are given up on. Says whether they count as finished: not when the system stops first.
    pub(super) async fn put(
        &self,
        function: &Function,
        mapping: &Mapping,
        shard: &str,
        given_up: &GivenUp,
        outcome: &Outcome,
    ) -> bool {
        let Some(destination) = &mapping.on_failure else {
            // As on AWS, records without a destination are dropped.
            tracing::error!(
                mapping = mapping.id,
                shard,
                records = given_up.records.len(),
                "records are dropped"
            );
            return true;
        };
        let letter = Letter {
            bucket: destination.strip_prefix("arn:aws:s3:::"),
            function: &function.name,
            shard,
            text: letter(function, mapping, shard, given_up, outcome).to_string(),
        };
        loop {
            match self.write(&letter) {
                Ok(path) => {
                    self.check(function, destination, &path);
                    if let Some(bucket) = letter.bucket {
                        self.told(bucket, letter.function, &path, letter.text.len());
                    }
                    tracing::error!(mapping = mapping.id, file = %path.display(), "records are given up on");
                    return true;
                }
                Err(error) if self.disk.is_cause(&error) => {
                    tokio::select! {
                        () = stopped(self.closing.clone()) => return false,
                        () = self.disk.room() => continue,
                    }
                }
                Err(error) => {
                    tracing::error!(mapping = mapping.id, %error, "a dead letter cannot be written")
                }
            }
            // The records are not finished before they are written.
            if tokio::time::timeout(WRITE_PAUSE, stopped(self.closing.clone()))
                .await
                .is_ok()
            {
                return false;
            }
        }
    }

    /// Warns when the function's role may not write to the destination. On AWS the records would be lost then.
    fn check(&self, function: &Function, destination: &str, path: &Path) {
        if !destination.starts_with("arn:aws:s3:") {
            return;
        }
        let key = path.file_name().unwrap_or_default().to_string_lossy();
        let uses = [
            Use::new("s3:ListBucket", destination),
            Use::new("s3:PutObject", format!("{destination}/{key}")),
        ];
        if let Err(denied) = self.guard.check(Some(&function.name), &uses) {
            tracing::error!(%denied, "on AWS these records would be lost");
        }
    }
}

impl DeadLetters {
    /// Writes a letter: first among the untold ones, where somebody may want to know of it.
    fn write(&self, letter: &Letter<'_>) -> io::Result<PathBuf> {
        let folder = self.folder.join(letter.function);
        let untold = letter
            .bucket
            .map(|bucket| self.untold(bucket, letter.function));
        for folder in untold.iter().chain([&folder]) {
            private::make_folder(folder)?;
        }
        let mut time = clock::now_ms();
        loop {
            // Not every file system allows colons in a name.
            let time_text = clock::rfc3339(time).replace(':', ".");
            let name = format!("{time_text}-{}.json", letter.shard);
            let path = folder.join(&name);
            let untold = untold.as_ref().map(|untold| untold.join(&name));
            // Another key group may have taken the name in the same millisecond. The next millisecond is as good.
            time += 1;
            if let Some(untold) = &untold {
                match write_new(untold, &letter.text) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                    Err(error) => return Err(error),
                }
            }
            let Err(error) = write_new(&path, &letter.text) else {
                return Ok(path);
            };
            if let Some(untold) = &untold {
                fs::remove_file(untold)?;
            }
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
        }
    }
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("DeadLetters");
        shown.field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// Writes a file that must not be there.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let mut file = private::options().create_new(true).write(true).open(path)?;
    // Each further attempt would leave another half file.
    file.write_all(text.as_bytes()).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// What is in a folder, in the order of the names; nothing where there is no folder.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries
        .map(|entry| Ok(entry?.path()))
        .collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The record that Lambda sends to an S3 destination: an invocation record with the whole event as `payload`.
fn letter(
    function: &Function,
    mapping: &Mapping,
    shard: &str,
    given_up: &GivenUp,
    outcome: &Outcome,
) -> Value {
    let records = &given_up.records;
    let arrival = |record: Option<&event::Prepared>| {
        record
            .map(|record| clock::rfc3339((record.arrival * 1000.0) as u64))
            .unwrap_or_default()
    };
    let sequence = |record: Option<&event::Prepared>| {
        record
            .map(|record| record.sequence.clone())
            .unwrap_or_default()
    };
    let function_error = match outcome {
        Outcome::Failure(_) => json!("Unhandled"),
        Outcome::Success(_) => Value::Null,
    };
    json!({
        "requestContext": {
            "requestId": uuid::Uuid::now_v7().to_string(),
            "functionArn": function.arn,
            "condition": match given_up.condition {
                Condition::RetryAttemptsExhausted => "RetryAttemptsExhausted",
                Condition::RecordAgeExceeded => "RecordAgeExceeded",
            },
            "approximateInvokeCount": given_up.invocations,
        },
        "responseContext": { "statusCode": 200, "executedVersion": "$LATEST", "functionError": function_error },
        "version": "1.0",
        "timestamp": clock::rfc3339(clock::now_ms()),
        "KinesisBatchInfo": {
            "shardId": shard,
            "startSequenceNumber": sequence(records.first()),
            "endSequenceNumber": sequence(records.last()),
            "approximateArrivalOfFirstRecord": arrival(records.first()),
            "approximateArrivalOfLastRecord": arrival(records.last()),
            "batchSize": records.len(),
            "streamArn": mapping.stream_arn,
        },
        "payload": event::event(records),
    })
}
