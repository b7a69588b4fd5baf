//! The shards of a stream: listed, and waited for when they change.

use std::time::Duration;

use ferrokinesis::actions::Operation;
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::sequence;
use ferrokinesis::store::Store;
use ferrokinesis::types::StreamStatus;

/// How many milliseconds a change of shards may take before the next call goes ahead.
const SETTLE_LOOKS: u32 = 2_000;

/// A shard of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Its id, such as `shardId-000000000000`.
    pub id: String,
    /// The shards that it was split or merged from.
    pub parents: Vec<String>,
}

/// The key of a record in the store.
pub(super) fn key(shard: &str, sequence: &str) -> String {
    let prefix = sequence::resolve_shard_id(shard).map_or_else(
        |_| String::new(),
        |(_, index)| sequence::shard_ix_to_hex(index),
    );
    format!("{prefix}/{sequence}")
}

/// Whether an operation changes the shards of a stream.
pub(super) fn changes(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::CreateStream
            | Operation::DeleteStream
            | Operation::SplitShard
            | Operation::MergeShards
            | Operation::UpdateShardCount
    )
}

/// Waits until a change of a stream's shards is complete.
pub(super) async fn settle(store: &Store, stream: &str) {
    for _ in 0..SETTLE_LOOKS {
        match store.get_stream(stream).await {
            Ok(found) if found.stream_status != StreamStatus::Active => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            _ => return,
        }
    }
}

/// The shards of a stream, closed ones included.
pub(super) async fn list(store: &Store, stream: &str) -> Result<Vec<Shard>, KinesisErrorResponse> {
    let stream = store.get_stream(stream).await?;
    let shards = stream.shards.into_iter().map(|shard| Shard {
        id: shard.shard_id,
        parents: shard
            .parent_shard_id
            .into_iter()
            .chain(shard.adjacent_parent_shard_id)
            .collect(),
    });
    Ok(shards.collect())
}

/// Whether a shard no longer takes records.
pub(super) async fn is_closed(
    store: &Store,
    stream: &str,
    index: i64,
) -> Result<bool, KinesisErrorResponse> {
    let stream = store.get_stream(stream).await?;
    let shard = usize::try_from(index)
        .ok()
        .and_then(|index| stream.shards.get(index));
    Ok(shard.is_some_and(|shard| shard.sequence_number_range.ending_sequence_number.is_some()))
}
