//! Keeps the records that a mapping gives up on: a file for each batch, in the format of Lambda's S3 destination.

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

/// The folder of dead letters.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    folder: PathBuf,
    guard: Arc<Guard>,
    disk: Disk,
    closing: watch::Receiver<bool>,
}

impl DeadLetters {
    /// The dead letters in a folder on a disk. After `closing` turns true, a failed write is not tried again.
    pub fn new(
        folder: PathBuf,
        guard: Arc<Guard>,
        disk: Disk,
        closing: watch::Receiver<bool>,
    ) -> Self {
        Self {
            folder,
            guard,
            disk,
            closing,
        }
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
        let letter = letter(function, mapping, shard, given_up, outcome).to_string();
        let folder = self.folder.join(&function.name);
        loop {
            match write(&folder, shard, &letter) {
                Ok(path) => {
                    self.check(function, destination, &path);
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

fn write(folder: &Path, shard: &str, letter: &str) -> io::Result<PathBuf> {
    private::make_folder(folder)?;
    let mut time = clock::now_ms();
    loop {
        // Not every file system allows colons in a name.
        let path = folder.join(format!(
            "{}-{shard}.json",
            clock::rfc3339(time).replace(':', ".")
        ));
        match private::options().create_new(true).write(true).open(&path) {
            Ok(mut file) => {
                return match file.write_all(letter.as_bytes()) {
                    Ok(()) => Ok(path),
                    // Each further attempt would leave another half file.
                    Err(error) => {
                        let _ = std::fs::remove_file(&path);
                        Err(error)
                    }
                };
            }
            // Another key group took the name in the same millisecond. The next millisecond is as good.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => time += 1,
            Err(error) => return Err(error),
        }
    }
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
