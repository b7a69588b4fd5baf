//! Where a mapping puts the records that it gives up on: a file, in the shape of what Lambda sends to S3.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::Trigger;
use super::batch::{Condition, GivenUp};
use super::event;
use crate::clock;
use crate::permissions::{Guard, Use};
use crate::private;
use crate::runtime::Outcome;
use crate::shutdown::stopped;

/// The pause before a file that could not be written is tried again.
const WRITE_PAUSE: Duration = Duration::from_secs(1);

/// The folder of dead letters.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    folder: PathBuf,
    guard: Arc<Guard>,
}

impl DeadLetters {
    pub fn new(folder: PathBuf, guard: Arc<Guard>) -> Self {
        Self { folder, guard }
    }

    /// Keeps records that were given up on. Says whether they may count as finished.
    pub(super) async fn put(
        &self,
        trigger: &Trigger,
        shard: &str,
        given_up: &GivenUp,
        outcome: &Outcome,
    ) -> bool {
        let mapping = &trigger.mapping;
        let Some(destination) = &mapping.on_failure else {
            // As on AWS: what has no destination is dropped.
            tracing::error!(
                mapping = mapping.id,
                shard,
                records = given_up.records.len(),
                "records are dropped"
            );
            return true;
        };
        let letter = letter(trigger, shard, given_up, outcome).to_string();
        let folder = self.folder.join(&trigger.function.name);
        loop {
            match write(&folder, shard, &letter) {
                Ok(path) => {
                    self.check(trigger, destination, &path);
                    tracing::error!(mapping = mapping.id, file = %path.display(), "records are given up on");
                    return true;
                }
                Err(error) if trigger.disk.is_cause(&error) => {
                    tokio::select! {
                        () = stopped(trigger.closing.clone()) => return false,
                        () = trigger.disk.room() => continue,
                    }
                }
                Err(error) => {
                    tracing::error!(mapping = mapping.id, %error, "a dead letter cannot be written")
                }
            }
            // The records are not finished before they are safe.
            if tokio::time::timeout(WRITE_PAUSE, stopped(trigger.closing.clone()))
                .await
                .is_ok()
            {
                return false;
            }
        }
    }

    /// On AWS, the function's role must be allowed to put into the bucket.
    fn check(&self, trigger: &Trigger, destination: &str, path: &Path) {
        if !destination.starts_with("arn:aws:s3:") {
            return;
        }
        let key = path.file_name().unwrap_or_default().to_string_lossy();
        let uses = [
            Use {
                action: "s3:ListBucket".to_owned(),
                resource: destination.to_owned(),
            },
            Use {
                action: "s3:PutObject".to_owned(),
                resource: format!("{destination}/{key}"),
            },
        ];
        if let Err(denied) = self.guard.check(Some(&trigger.function.name), &uses) {
            tracing::error!(%denied, "on AWS these records would be lost");
        }
    }
}

fn write(folder: &Path, shard: &str, letter: &str) -> io::Result<PathBuf> {
    private::make_folder(folder)?;
    let mut time = clock::now_ms();
    loop {
        // Colons are not for file names everywhere.
        let path = folder.join(format!(
            "{}-{shard}.json",
            clock::rfc3339(time).replace(':', ".")
        ));
        match private::options().create_new(true).write(true).open(&path) {
            Ok(mut file) => {
                return match file.write_all(letter.as_bytes()) {
                    Ok(()) => Ok(path),
                    // Half a letter is none, and each further attempt would leave another.
                    Err(error) => {
                        let _ = std::fs::remove_file(&path);
                        Err(error)
                    }
                };
            }
            // Another lane was as fast: the next millisecond is as good a name.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => time += 1,
            Err(error) => return Err(error),
        }
    }
}

/// The record that Lambda sends to an S3 destination: like an invocation record, with the whole event as `payload`.
fn letter(trigger: &Trigger, shard: &str, given_up: &GivenUp, outcome: &Outcome) -> Value {
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
            "functionArn": trigger.function.arn,
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
            "streamArn": trigger.mapping.stream_arn,
        },
        "payload": event::event(records),
    })
}
