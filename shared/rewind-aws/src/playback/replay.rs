//! Sending what the events table holds, slice by slice.

use super::{PAGE, PARALLEL_SLICES, Run, Slice, State};
use crate::{Error, event_store::Entry, put::Outgoing};
use futures::{StreamExt, stream};
use rewind::{Delivery, Recorded, StreamName};
use std::collections::BTreeMap;

/// What was sent.
#[derive(Debug, Clone, Copy)]
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

    /// Sends commits of one slice to the replay stream, and returns when Kinesis holds all
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
        let events = runs.values().map(|events| events.len() as u64).sum();
        let runs = runs
            .iter()
            .map(|(stream, events)| (*stream, events.as_slice()));
        let records = Delivery::aggregate(runs, Some(&self.replay));
        let sent = Sent {
            events,
            records: records.len() as u64,
            bytes: records.iter().map(|record| record.len() as u64).sum(),
        };
        // All streams of a slice share its records, so they share its key.
        let key = entries
            .first()
            .map_or(String::new(), |entry| entry.stream.slice());
        let outgoing = records.into_iter().map(|data| Outgoing {
            key: key.clone(),
            data,
        });
        let outgoing: Vec<Outgoing> = outgoing.collect();
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
