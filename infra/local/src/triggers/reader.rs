//! Reads the shards of a stream: of the embedded Kinesis, or of one behind an endpoint.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::ShardIteratorType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::watch;

use super::checkpoints::Checkpoints;
use crate::kinesis::{Kinesis, Read, Record, Shard};
use crate::sdk::reason;
use crate::template::{Mapping, StartingPosition};

/// How often a shard behind an endpoint is read. Kinesis allows five reads a second.
const POLL_EVERY: Duration = Duration::from_millis(200);
/// How often the shards behind an endpoint are listed.
const LIST_EVERY: Duration = Duration::from_secs(30);

/// The Kinesis that records come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// The Kinesis of this process. It wakes its readers, and keeps a ledger of what they finished.
    Embedded(Arc<Kinesis>),
    /// A Kinesis behind an endpoint. It is polled, and checkpoints are kept in a file.
    Remote(aws_sdk_kinesis::Client, Arc<Checkpoints>),
}

/// Tells when the shards of a stream may have changed.
pub(super) enum Changes {
    Told(watch::Receiver<u64>),
    Polled,
}

impl Changes {
    pub async fn next(&mut self) {
        match self {
            Self::Told(changes) => {
                if changes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            Self::Polled => tokio::time::sleep(LIST_EVERY).await,
        }
    }
}

impl Source {
    pub(super) fn changes(&self, stream: &str) -> Changes {
        match self {
            Self::Embedded(kinesis) => Changes::Told(kinesis.reshards(stream)),
            Self::Remote(..) => Changes::Polled,
        }
    }

    pub(super) async fn shards(&self, stream: &str) -> Result<Vec<Shard>, String> {
        let client = match self {
            Self::Embedded(kinesis) => {
                return kinesis
                    .shards(stream)
                    .await
                    .map_err(|error| error.to_string());
            }
            Self::Remote(client, _) => client,
        };
        let mut shards = Vec::new();
        let mut token: Option<String> = None;
        loop {
            // A request for a further page must not name the stream.
            let name = token.is_none().then(|| stream.to_owned());
            let page = client
                .list_shards()
                .set_stream_name(name)
                .set_next_token(token)
                .send()
                .await;
            let page = page.map_err(|error| reason(&error))?;
            shards.extend(page.shards().iter().map(|shard| {
                Shard {
                    id: shard.shard_id().to_owned(),
                    parents: [shard.parent_shard_id(), shard.adjacent_parent_shard_id()]
                        .into_iter()
                        .flatten()
                        .map(str::to_owned)
                        .collect(),
                }
            }));
            token = page.next_token;
            if token.is_none() {
                return Ok(shards);
            }
        }
    }

    /// A consumer has finished a shard up to a sequence number.
    pub(super) async fn finish(&self, mapping: &Mapping, shard: &str, sequence: &str) {
        match self {
            Self::Embedded(kinesis) => {
                kinesis
                    .finish(&mapping.stream, shard, &mapping.id, sequence)
                    .await
            }
            Self::Remote(_, checkpoints) => checkpoints.set(&mapping.id, shard, sequence),
        }
    }

    /// A reader of one shard. `is_original` says that the shard existed when the mapping began.
    pub(super) fn reader(&self, mapping: &Mapping, shard: &str, is_original: bool) -> Reader {
        let (after, wakes) = match self {
            Self::Embedded(kinesis) => (None, Some(kinesis.puts(&mapping.stream, shard))),
            Self::Remote(_, checkpoints) => (checkpoints.get(&mapping.id, shard), None),
        };
        Reader {
            source: self.clone(),
            stream: mapping.stream.clone(),
            shard: shard.to_owned(),
            // A shard that a split made is read from its first record on.
            position: if is_original {
                mapping.starting_position
            } else {
                StartingPosition::TrimHorizon
            },
            after,
            iterator: None,
            wakes,
        }
    }
}

/// Reads one shard, in order.
pub(super) struct Reader {
    source: Source,
    stream: String,
    shard: String,
    position: StartingPosition,
    after: Option<String>,
    iterator: Option<String>,
    wakes: Option<watch::Receiver<u64>>,
}

impl Reader {
    /// Reads the next records. The result may be empty.
    pub async fn read(&mut self, limit: usize) -> Result<Read, String> {
        if let Some(wakes) = &mut self.wakes {
            // The counter is marked as seen before the read, so a put in between wakes the next wait.
            wakes.borrow_and_update();
        }
        let read = match self.source.clone() {
            // The embedded stream and the mapping begin with this process. Each record came after that, or was put
            // again because a mapping had not finished it. So all starting positions mean the same.
            Source::Embedded(kinesis) => kinesis
                .read(&self.stream, &self.shard, self.after.as_deref(), limit)
                .await
                .map_err(|error| error.to_string())?,
            Source::Remote(client, _) => match self.read_remote(&client, limit).await {
                Ok(read) => read,
                Err(error) => {
                    // The iterator may have expired. A new one begins at the last record read.
                    self.iterator = None;
                    return Err(error);
                }
            },
        };
        if let Some(last) = read.records.last() {
            self.after = Some(last.sequence.clone());
        }
        Ok(read)
    }

    /// Resolves when a further read may find something.
    pub async fn wait(&mut self) {
        match &mut self.wakes {
            Some(wakes) => {
                if wakes.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
            None => tokio::time::sleep(POLL_EVERY).await,
        }
    }

    async fn read_remote(
        &mut self,
        client: &aws_sdk_kinesis::Client,
        limit: usize,
    ) -> Result<Read, String> {
        let iterator = match self.iterator.take() {
            Some(iterator) => iterator,
            None => self.first_iterator(client).await?,
        };
        let answer = client
            .get_records()
            .shard_iterator(&iterator)
            .limit(limit as i32)
            .send()
            .await;
        let answer = answer.map_err(|error| reason(&error))?;
        let is_at_end = answer.next_shard_iterator.is_none();
        self.iterator = answer.next_shard_iterator;
        let records = answer.records.into_iter().map(|record| Record {
            arrival: record
                .approximate_arrival_timestamp
                .map_or(0.0, |arrival| arrival.as_secs_f64()),
            data: STANDARD.encode(record.data),
            sequence: record.sequence_number,
            partition_key: record.partition_key.unwrap_or_default(),
        });
        Ok(Read {
            records: records.collect(),
            is_at_end,
        })
    }

    async fn first_iterator(&self, client: &aws_sdk_kinesis::Client) -> Result<String, String> {
        let request = client
            .get_shard_iterator()
            .stream_name(&self.stream)
            .shard_id(&self.shard);
        let request = match (&self.after, self.position) {
            (Some(after), _) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(after),
            (None, StartingPosition::TrimHorizon) => {
                request.shard_iterator_type(ShardIteratorType::TrimHorizon)
            }
            (None, StartingPosition::Latest) => {
                request.shard_iterator_type(ShardIteratorType::Latest)
            }
            (None, StartingPosition::AtTimestamp(seconds)) => request
                .shard_iterator_type(ShardIteratorType::AtTimestamp)
                .timestamp(DateTime::from_secs(seconds)),
        };
        let answer = request.send().await.map_err(|error| reason(&error))?;
        answer
            .shard_iterator
            .ok_or_else(|| "the answer holds no iterator".to_owned())
    }
}
