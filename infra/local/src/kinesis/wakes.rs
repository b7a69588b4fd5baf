//! Wakes the pollers of a shard when there is something to read.

use std::collections::HashMap;
use std::sync::Mutex;

use tokio::sync::watch;

use crate::lock::locked;

type Senders<K> = Mutex<HashMap<K, watch::Sender<u64>>>;

/// A counter for each shard and each stream, which rises with each change.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    puts: Senders<(String, String)>,
    reshards: Senders<String>,
}

impl Wakes {
    pub fn puts(&self, stream: &str, shard: &str) -> watch::Receiver<u64> {
        locked(&self.puts)
            .entry((stream.to_owned(), shard.to_owned()))
            .or_default()
            .subscribe()
    }

    pub fn reshards(&self, stream: &str) -> watch::Receiver<u64> {
        locked(&self.reshards)
            .entry(stream.to_owned())
            .or_default()
            .subscribe()
    }

    /// Records were put to a shard.
    pub fn put(&self, stream: &str, shard: &str) {
        if let Some(sender) = locked(&self.puts).get(&(stream.to_owned(), shard.to_owned())) {
            sender.send_modify(|count| *count += 1);
        }
    }

    /// The shards of a stream changed. The pollers of its shards wake too: their shard may be closed now.
    pub fn reshard(&self, stream: &str) {
        if let Some(sender) = locked(&self.reshards).get(stream) {
            sender.send_modify(|count| *count += 1);
        }
        for ((name, _), sender) in locked(&self.puts).iter() {
            if name == stream {
                sender.send_modify(|count| *count += 1);
            }
        }
    }
}
