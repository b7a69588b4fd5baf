//! Creates the template's streams, and puts their unfinished records of the last run again.

use std::path::Path;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::operation::create_stream::CreateStreamError;
use aws_sdk_kinesis::types::{StreamMode, StreamModeDetails, StreamStatus};
use ferrokinesis::actions::Operation;
use serde_json::{Value, json};

use crate::activity::Activity;
use crate::error::StartError;
use crate::journal::{Earlier, Entry, Journal};
use crate::kinesis::{Kinesis, Ledger};
use crate::sdk::reason;
use crate::state::folder::{self, Folder};
use crate::template::{Mapping, Model, Stream};

/// The bounds of one put of unfinished records. They are below those of PutRecords.
const RECORDS_OF_A_PUT: usize = 500;
const BYTES_OF_A_PUT: usize = 4 * 1024 * 1024;
/// How often a stream behind an endpoint is asked whether it is active.
const ATTEMPTS: u32 = 600;

/// Creates the streams in the embedded Kinesis, and puts the unfinished records of their journals again, in order.
pub(crate) async fn restore(
    kinesis: &Kinesis,
    model: &Model,
    state: &Folder,
    activity: &Activity,
) -> Result<(), StartError> {
    for stream in &model.streams {
        kinesis
            .create(stream)
            .await
            .map_err(|error| StartError::Resource {
                resource: stream.name.clone(),
                endpoint: "the embedded Kinesis".to_owned(),
                reason: error.body.message.unwrap_or(error.body.error_type),
            })?;
        let reads = |mapping: &&Mapping| mapping.is_enabled && mapping.stream == stream.name;
        let consumers: Vec<String> = model
            .mappings
            .iter()
            .filter(reads)
            .map(|mapping| mapping.id.clone())
            .collect();
        if consumers.is_empty() {
            continue;
        }
        if state.is_ephemeral() {
            kinesis
                .keep_ledger(&stream.name, Ledger::new(consumers, None, activity.clone()))
                .await;
            continue;
        }
        let path = state.path().join("journal").join(&stream.name);
        let (journal, earlier) =
            Journal::open(&path).map_err(|error| folder::not_writable(&path, error))?;
        kinesis
            .keep_ledger(
                &stream.name,
                Ledger::new(consumers.clone(), Some(journal), activity.clone()),
            )
            .await;
        put_again(kinesis, stream, earlier, &consumers, &path).await?;
    }
    Ok(())
}

async fn put_again(
    kinesis: &Kinesis,
    stream: &Stream,
    earlier: Earlier,
    consumers: &[String],
    path: &Path,
) -> Result<(), StartError> {
    let mut count = 0;
    for file in earlier.files() {
        let entries = earlier
            .unfinished(file, consumers)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::InvalidData => StartError::FolderCorrupt {
                    path: file.to_owned(),
                    reason: error.to_string(),
                },
                _ => folder::not_writable(file, error),
            })?;
        count += entries.len();
        for part in parts(&entries) {
            let records: Vec<Value> = part.iter().map(record).collect();
            let request = json!({ "StreamName": stream.name, "Records": records });
            kinesis
                .call(Operation::PutRecords, request)
                .await
                .map_err(|error| {
                    let reason = error.body.message.unwrap_or(error.body.error_type);
                    folder::not_writable(path, std::io::Error::other(reason))
                })
                .and_then(|answer| match answer {
                    Some(answer) if answer["FailedRecordCount"] != 0 => {
                        let reason = answer["Records"][0]["ErrorMessage"].as_str();
                        let reason = std::io::Error::other(reason.unwrap_or("not put").to_owned());
                        Err(folder::not_writable(path, reason))
                    }
                    _ => Ok(()),
                })?;
        }
    }
    if count > 0 {
        tracing::info!(
            stream = stream.name,
            records = count,
            "unfinished records of the last run are put again"
        );
    }
    earlier
        .remove()
        .map_err(|error| folder::not_writable(path, error))
}

/// Splits the records into puts, in order.
fn parts<'a, 'b>(entries: &'a [Entry<'b>]) -> Vec<&'a [Entry<'b>]> {
    let mut parts = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let mut bytes = 0;
        let fitting = rest.iter().take(RECORDS_OF_A_PUT).take_while(|entry| {
            bytes += entry.data.len() + entry.key.len();
            bytes <= BYTES_OF_A_PUT
        });
        let (part, next) = rest.split_at(fitting.count().max(1));
        parts.push(part);
        rest = next;
    }
    parts
}

fn record(entry: &Entry<'_>) -> Value {
    let mut record = json!({ "PartitionKey": entry.key, "Data": entry.data });
    if let Some(hash) = &entry.hash {
        record["ExplicitHashKey"] = json!(hash);
    }
    record
}

/// Creates the missing streams behind an endpoint.
pub(crate) async fn create(
    client: &Client,
    endpoint: &str,
    streams: &[Stream],
) -> Result<(), StartError> {
    for stream in streams {
        let failed = |reason: String| StartError::Resource {
            resource: stream.name.clone(),
            endpoint: endpoint.to_owned(),
            reason,
        };
        let request = client.create_stream().stream_name(&stream.name);
        let request = if stream.is_on_demand {
            let mode = StreamModeDetails::builder()
                .stream_mode(StreamMode::OnDemand)
                .build();
            request.stream_mode_details(mode.map_err(|error| failed(error.to_string()))?)
        } else {
            request.shard_count(stream.shards as i32)
        };
        match request.send().await {
            Ok(_) => wait(client, stream).await.map_err(failed)?,
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(CreateStreamError::is_resource_in_use_exception) => {}
            Err(error) => return Err(failed(reason(&error))),
        }
    }
    Ok(())
}

async fn wait(client: &Client, stream: &Stream) -> Result<(), String> {
    for _ in 0..ATTEMPTS {
        let answer = client
            .describe_stream_summary()
            .stream_name(&stream.name)
            .send()
            .await;
        let answer = answer.map_err(|error| reason(&error))?;
        if answer
            .stream_description_summary()
            .is_some_and(|summary| *summary.stream_status() == StreamStatus::Active)
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("it does not become active within a minute".to_owned())
}
