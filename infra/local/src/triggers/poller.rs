//! Polls one shard for one mapping, and shares its records out to the key groups.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::checkpointer::Checkpointer;
use super::event::{Prepared, prepare};
use super::key_group::KeyGroup;
use super::trigger::Trigger;
use crate::lock::locked;
use crate::shutdown::stopped;

/// The pause after a read that failed.
const READ_PAUSE: Duration = Duration::from_secs(1);

/// Polls a shard until it ends or the system stops. Says whether all of it was read and finished.
pub(super) async fn poll(trigger: &Arc<Trigger>, shard: &str, is_original: bool) -> bool {
    let mapping = &trigger.mapping;
    let checkpointer = Arc::new(Mutex::new(Checkpointer::default()));
    let mut groups = JoinSet::new();
    let mut senders = Vec::new();
    for _ in 0..mapping.parallelization_factor {
        // One read ahead of the group is enough to keep it busy.
        let (sender, receiver) = mpsc::channel(1);
        senders.push(sender);
        groups.spawn(
            KeyGroup::new(
                trigger.clone(),
                shard.to_owned(),
                checkpointer.clone(),
                receiver,
            )
            .run(),
        );
    }
    let mut reader = trigger.source.reader(mapping, shard, is_original);
    let is_at_end = loop {
        let read = tokio::select! {
            biased;
            () = stopped(trigger.closing.clone()) => break false,
            read = reader.read(mapping.batch_size as usize) => read,
        };
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(
                    stream = mapping.stream,
                    shard,
                    error,
                    "a shard cannot be read; it is tried again"
                );
                let _ = tokio::time::timeout(READ_PAUSE, stopped(trigger.closing.clone())).await;
                continue;
            }
        };
        let is_empty = read.records.is_empty();
        let mut parts: Vec<Vec<Prepared>> = vec![Vec::new(); senders.len()];
        for record in &read.records {
            locked(&checkpointer).begin(&record.sequence);
            let group = group_of(&record.partition_key, senders.len());
            parts[group].push(prepare(
                record,
                shard,
                &mapping.stream_arn,
                &trigger.function.name,
            ));
        }
        for (sender, part) in senders.iter().zip(parts) {
            if !part.is_empty() {
                tokio::select! {
                    () = stopped(trigger.closing.clone()) => break,
                    // A group ends before its sender only when everything stops.
                    _ = sender.send(part) => {}
                }
            }
        }
        if read.is_at_end {
            break true;
        }
        if is_empty {
            tokio::select! {
                () = stopped(trigger.closing.clone()) => break false,
                () = reader.wait() => {}
            }
        }
    };
    // Without senders, the groups end after their last batch.
    drop(senders);
    let mut is_finished = is_at_end;
    while let Some(group) = groups.join_next().await {
        is_finished &= group.unwrap_or(false);
    }
    is_finished
}

/// The group of a partition key, among this many.
fn group_of(partition_key: &str, groups: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    partition_key.hash(&mut hasher);
    (hasher.finish() % groups as u64) as usize
}
