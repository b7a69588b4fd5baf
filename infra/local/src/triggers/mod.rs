//! Event source mappings: streams that invoke functions, as Lambda does it.
//!
//! A mapping has a task that follows its stream's shards, a task per shard that reads, and per shard as many lanes that
//! invoke as its ParallelizationFactor says. A partition key stays in its lane, so that its records keep their order.

mod batch;
mod checkpoints;
mod dead_letters;
mod event;
mod lane;
mod progress;
mod reader;
mod shard;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::disk::Disk;
use crate::kinesis::Shard;
use crate::runtime::Runtime;
use crate::shutdown::stopped;
use crate::template::{Function, Mapping};

pub(crate) use checkpoints::Checkpoints;
pub(crate) use dead_letters::DeadLetters;
pub(crate) use reader::Source;

/// The pause after a stream could not be listed.
const LIST_PAUSE: Duration = Duration::from_secs(1);

/// All that the tasks of one mapping share.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub mapping: Mapping,
    pub function: Function,
    pub source: Source,
    pub runtime: Arc<Runtime>,
    pub dead_letters: Arc<DeadLetters>,
    pub disk: Disk,
    /// Turns true when no more batches are to begin.
    pub closing: watch::Receiver<bool>,
}

impl Trigger {
    /// Starts the mapping. The task ends when `closing` turns true and the batches under way have ended.
    pub fn start(self) -> JoinHandle<()> {
        tokio::spawn(follow(Arc::new(self)))
    }
}

/// Starts a poller for each shard, children after their parents.
async fn follow(trigger: Arc<Trigger>) {
    let mut started = BTreeSet::new();
    let mut finished = BTreeSet::new();
    let mut tasks: JoinSet<(String, bool)> = JoinSet::new();
    let mut changes = trigger.source.changes(&trigger.mapping.stream);
    let mut is_first_look = true;
    loop {
        match trigger.source.shards(&trigger.mapping.stream).await {
            Ok(shards) => {
                for shard in ready(&shards, &started, &finished) {
                    started.insert(shard.clone());
                    let trigger = trigger.clone();
                    tasks.spawn(async move {
                        let is_read = shard::poll(&trigger, &shard, is_first_look).await;
                        (shard, is_read)
                    });
                }
                is_first_look = false;
            }
            Err(error) => {
                tracing::warn!(
                    stream = trigger.mapping.stream,
                    error,
                    "a stream's shards cannot be listed"
                );
                if tokio::time::timeout(LIST_PAUSE, stopped(trigger.closing.clone()))
                    .await
                    .is_ok()
                {
                    break;
                }
                continue;
            }
        }
        tokio::select! {
            () = stopped(trigger.closing.clone()) => break,
            () = changes.next() => {}
            Some(Ok((shard, is_read))) = tasks.join_next() => {
                if is_read {
                    finished.insert(shard);
                }
            }
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// The shards that can be read now: not begun, and with no parent that is still to be read.
fn ready(shards: &[Shard], started: &BTreeSet<String>, finished: &BTreeSet<String>) -> Vec<String> {
    let by_id: BTreeMap<&str, &Shard> = shards
        .iter()
        .map(|shard| (shard.id.as_str(), shard))
        .collect();
    let is_read =
        |parent: &String| finished.contains(parent) || !by_id.contains_key(parent.as_str());
    shards
        .iter()
        .filter(|shard| !started.contains(&shard.id) && shard.parents.iter().all(is_read))
        .map(|shard| shard.id.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(id: &str, parents: &[&str]) -> Shard {
        Shard {
            id: id.to_owned(),
            parents: parents.iter().map(|parent| (*parent).to_owned()).collect(),
        }
    }

    fn set(of: &[&str]) -> BTreeSet<String> {
        of.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn a_child_waits_for_its_parents() {
        let shards = [shard("0", &[]), shard("1", &[]), shard("2", &["0", "1"])];
        assert_eq!(ready(&shards, &set(&[]), &set(&[])), ["0", "1"]);
        assert_eq!(ready(&shards, &set(&["0", "1"]), &set(&["0"])), [""; 0]);
        assert_eq!(ready(&shards, &set(&["0", "1"]), &set(&["0", "1"])), ["2"]);
    }

    #[test]
    fn a_child_of_a_parent_that_the_stream_has_forgotten_is_read() {
        assert_eq!(ready(&[shard("2", &["0"])], &set(&[]), &set(&[])), ["2"]);
    }
}
