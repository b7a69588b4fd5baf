//! Sending what the events table holds, slice by slice.

use super::{PAGE, PARALLEL_SLICES, Run, Slice, State};
use crate::{Error, event_store::Entry, put::Outgoing};
use futures::{StreamExt, stream};
use rewind::{Delivery, Recorded, StreamName};
use std::collections::BTreeMap;

/// What was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub events: u64,
    pub records: u64,
    pub bytes: u64,
}

impl Run<'_> {
    /// Replays every slice. `false` when the deadline came first.
    pub(super) async fn replay(&self) -> Result<bool, Error> {
        let slices = self.saved.lock().await.playback.slices.clone();
        let open = slices.into_iter().filter(|(_, slice)| !slice.done);
        let jobs = stream::iter(open)
            .map(|(name, slice)| async move { self.replay_slice(&name, slice).await })
            .buffer_unordered(PARALLEL_SLICES);
        let ended: Vec<Result<bool, Error>> = jobs.collect().await;
        for in_time in ended {
            if !in_time? {
                return Ok(false);
            }
        }
        self.save(|playback| playback.state = State::CatchingUp)
            .await?;
        Ok(true)
    }

    async fn replay_slice(&self, name: &str, slice: Slice) -> Result<bool, Error> {
        let events = &self.player.events;
        let mut start = None;
        loop {
            if !self.has_time() {
                return Ok(false);
            }
            let page = events.read_index(name, slice.position, start, PAGE).await?;
            let sent = self.send(&page.entries).await?;
            let position = page.entries.last().map(|entry| entry.position);
            let is_last = page.next.is_none();
            self.save(|playback| {
                let slice = playback.slices.entry(name.to_string()).or_default();
                slice.position = position.unwrap_or(slice.position);
                slice.done = is_last;
                playback.events += sent.events;
                playback.records += sent.records;
                playback.bytes += sent.bytes;
            })
            .await?;
            if is_last {
                return Ok(true);
            }
            start = page.next;
        }
    }

    /// Sends commits to the replay stream, and returns when Kinesis holds all
    /// of them.
    pub(super) async fn send(&self, entries: &[Entry]) -> Result<Sent, Error> {
        let keys: Vec<(&StreamName, u64)> = entries
            .iter()
            .map(|entry| (&entry.stream, entry.version))
            .collect();
        let commits = self.player.events.get(&keys).await?;
        // A stream's commits rise in the index: consecutive ones share records.
        let mut runs: BTreeMap<&StreamName, Vec<Recorded>> = BTreeMap::new();
        for commit in &commits {
            runs.entry(&commit.stream)
                .or_default()
                .extend(commit.events()?);
        }
        let mut sent = Sent::default();
        let mut outgoing = Vec::new();
        for (stream, events) in runs {
            sent.events += events.len() as u64;
            for packed in Delivery::encode(&events, Some(&self.replay)) {
                let data = packed.text;
                sent.bytes += data.len() as u64;
                let key = stream.to_string();
                outgoing.push(Outgoing { key, data });
            }
        }
        sent.records = outgoing.len() as u64;
        let answers = self.player.replay.put_in_order(&outgoing).await;
        match answers.into_iter().find_map(Result::err) {
            None => Ok(sent),
            Some(reason) => Err(Error::Service {
                operation: "PutRecords",
                reason,
            }),
        }
    }
}
