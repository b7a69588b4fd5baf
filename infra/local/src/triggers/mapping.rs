//! Follows the shards of one event source mapping's stream, and starts a poller for each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet};

use super::poller;
use super::trigger::Trigger;
use crate::kinesis::Shard;
use crate::shutdown::stopped;

/// The pause after a stream could not be listed.
const LIST_PAUSE: Duration = Duration::from_secs(1);

/// Starts a mapping. The task ends when `closing` turns true and the batches under way have ended.
pub(crate) fn start(trigger: Trigger) -> JoinHandle<()> {
    tokio::spawn(follow(Arc::new(trigger)))
}

/// Starts a poller for each shard. A child shard waits for its parents.
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
                        let is_read = poller::poll(&trigger, &shard, is_first_look).await;
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

/// The shards that can be polled now: those that have no poller, and whose parents are read to their end.
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
    fn a_child_of_a_parent_that_the_stream_no_longer_lists_is_read() {
        assert_eq!(ready(&[shard("2", &["0"])], &set(&[]), &set(&[])), ["2"]);
    }
}
