//! Sending what the events table holds, partition by partition.

use super::player::{Go, HEARTBEAT, Playing, Progress, Sent, State};
use crate::{
    Error,
    aws::{clock::now, producer::Outgoing},
    event_table::event_store::After,
    history::partition::{self, PAGE},
};
use futures::{StreamExt, stream};
use rewind::{Commit, Delivery, RecordedEvent, StreamName, delivery::Marker, selection::micros};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Partitions that are read at once.
const PARALLEL_PARTITIONS: usize = 4;

/// How often a page that Kinesis does not take is sent before the invocation
/// fails.
const MAX_SENDS: u32 = 4;

impl Playing<'_> {
    /// Replays every partition.
    pub(super) async fn replay(&self) -> Result<Go, Error> {
        // All that was recorded before `until` has to be in the index.
        let open_for = micros(now()).saturating_sub(self.until);
        let lag = self.player.index_lag;
        tokio::time::sleep(lag.saturating_sub(Duration::from_micros(open_for))).await;
        self.find_ranges().await?;
        let (partitions, is_begun) = {
            let playback = &self.saved.lock().await.playback;
            let mut partitions = playback.partitions.values();
            let is_begun = partitions.any(|partition| partition.cursor.is_some() || partition.done);
            (playback.partitions.clone(), is_begun)
        };
        if let (false, Some(first)) = (is_begun, partitions.keys().next()) {
            self.mark(first, Marker::Start).await?;
        }
        let open = partitions
            .into_iter()
            .filter(|(_, partition)| !partition.done);
        let jobs = stream::iter(open)
            .map(|(name, partition)| async move {
                let ended = self.replay_partition(&name, partition).await;
                if !matches!(ended, Ok(Go::On)) {
                    self.end();
                }
                ended
            })
            .buffer_unordered(PARALLEL_PARTITIONS);
        let ended: Vec<Result<Go, Error>> = jobs.collect().await;
        let ended = ended.into_iter().collect::<Result<Vec<_>, _>>()?;
        // Who was stopped has made the others run out of time.
        for end in [Go::Stopped, Go::OutOfTime] {
            if ended.contains(&end) {
                return Ok(end);
            }
        }
        let (events, last) = {
            let playback = &self.saved.lock().await.playback;
            let last = playback.partitions.keys().next_back().cloned();
            (playback.sent().events, last)
        };
        if let Some(last) = last {
            self.mark(&last, Marker::End { events }).await?;
        }
        let has_targets = self.replay.targets().next().is_some();
        let is_rebuild = has_targets && !self.request.dry_run;
        self.save(|playback| {
            if is_rebuild {
                playback.state = State::CatchingUp;
            } else {
                playback.state = State::Completed;
                playback.ended = Some(now());
            }
        })
        .await
    }

    /// Learns from where to where each partition goes, for the progress.
    async fn find_ranges(&self) -> Result<(), Error> {
        let partitions = self.saved.lock().await.playback.partitions.clone();
        let unknown = partitions
            .iter()
            .filter(|(_, partition)| partition.range.is_none());
        let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (name, _) in unknown {
            if StreamName::new(name.as_str()).is_ok() {
                continue;
            }
            let events = &self.player.events;
            let from = After::Position(self.request.what.first_position());
            let first = events.read_index(name, &from, 1).await?;
            let first = first.entries.first().map(|entry| entry.position);
            let last = events.last_entry(name, self.until).await?;
            let last = last.map(|entry| entry.position);
            found.insert(
                name.clone(),
                first.zip(last).unwrap_or((self.until, self.until)),
            );
        }
        if !found.is_empty() {
            self.save(|playback| {
                for (name, range) in &found {
                    let partition = playback.partitions.entry(name.clone()).or_default();
                    partition.range = Some(*range);
                }
            })
            .await?;
        }
        Ok(())
    }

    async fn replay_partition(&self, name: &str, mut partition: Progress) -> Result<Go, Error> {
        let events = &self.player.events;
        let what = &self.request.what;
        loop {
            if !self.has_time() {
                return Ok(Go::OutOfTime);
            }
            let limit = self.pacer.page(PAGE);
            let after = partition.cursor.as_ref();
            let page = partition::page(events, name, what, after, self.until, limit).await?;
            let runs = self.runs(&page.commits)?;
            let count = runs.values().map(|events| events.len() as u64).sum();
            if !self.request.dry_run {
                let go = self.wait_for_turn(count).await?;
                if go != Go::On {
                    return Ok(go);
                }
            }
            let mut sent = self.send(name, &runs).await?;
            sent.read_units = read_units(&page.commits);
            partition.cursor = page.cursor.or(partition.cursor);
            partition.sent += sent;
            partition.done = page.is_last;
            if partition.done {
                let marker = Marker::EndOfPartition {
                    partition: name.to_string(),
                    events: partition.sent.events,
                };
                self.mark(name, marker).await?;
            }
            let go = self.save(|playback| {
                let saved = playback.partitions.entry(name.to_string()).or_default();
                saved.cursor = partition.cursor.clone();
                saved.sent = partition.sent;
                saved.done = partition.done;
            });
            let go = go.await?;
            if go != Go::On || partition.done {
                return Ok(go);
            }
        }
    }

    /// Waits until so many events may be sent. A long wait says now and then
    /// that the playback lives.
    async fn wait_for_turn(&self, events: u64) -> Result<Go, Error> {
        let turn = self.pacer.turn(events).await;
        loop {
            let left = turn.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Go::On);
            }
            if !self.has_time() {
                return Ok(Go::OutOfTime);
            }
            tokio::time::sleep(left.min(HEARTBEAT)).await;
            if left > HEARTBEAT && self.save(|_| {}).await? == Go::Stopped {
                return Ok(Go::Stopped);
            }
        }
    }

    /// The selected events of some commits, by stream.
    pub(super) fn runs(
        &self,
        commits: &[Commit],
    ) -> Result<BTreeMap<StreamName, Vec<RecordedEvent>>, Error> {
        // A stream's commits rise in a partition: consecutive ones share records.
        let mut runs: BTreeMap<StreamName, Vec<RecordedEvent>> = BTreeMap::new();
        for event in partition::selected(commits, &self.request.what)? {
            let run = runs.entry(event.stream().clone()).or_default();
            run.push(event);
        }
        Ok(runs)
    }

    /// Sends runs of one partition to the replay stream, and returns when Kinesis
    /// holds all of them. A dry run only counts them.
    pub(super) async fn send(
        &self,
        partition: &str,
        runs: &BTreeMap<StreamName, Vec<RecordedEvent>>,
    ) -> Result<Sent, Error> {
        let partitions = runs.iter();
        let partitions = partitions.map(|(stream, events)| (stream, events.as_slice()));
        let records = Delivery::aggregate(partitions, Some(&self.replay));
        let bytes = records.iter().map(|record| record.len() as u64);
        let sent = Sent {
            events: runs.values().map(|events| events.len() as u64).sum(),
            records: records.len() as u64,
            bytes: bytes.clone().sum(),
            billed_bytes: bytes.map(|bytes| bytes.next_multiple_of(1024)).sum(),
            read_units: 0,
        };
        if !self.request.dry_run {
            self.put(partition, records).await?;
        }
        Ok(sent)
    }

    /// Says where the playback is.
    async fn mark(&self, partition: &str, marker: Marker) -> Result<(), Error> {
        if self.request.dry_run {
            return Ok(());
        }
        let record = Delivery::marker(&self.replay, marker);
        self.put(partition, vec![record]).await
    }

    async fn put(&self, partition: &str, records: Vec<Vec<u8>>) -> Result<(), Error> {
        // All streams of a partition share its records, so they share its key.
        let key = match StreamName::new(partition) {
            Ok(stream) => stream.partition(),
            Err(_) => partition.to_string(),
        };
        let records = records.into_iter().map(|data| Outgoing {
            key: key.clone(),
            data,
        });
        let mut outgoing: Vec<Outgoing> = records.collect();
        let replay = &self.player.replay;
        for attempt in 1.. {
            let before = replay.refused();
            let answers = replay.put_in_order(&outgoing).await;
            self.pacer.note(replay.refused() > before).await;
            let failed = answers.iter().position(Result::is_err);
            let Some(first) = failed else {
                return Ok(());
            };
            if attempt == MAX_SENDS || !self.has_time() {
                let reason = answers.into_iter().find_map(Result::err);
                return Err(Error::Service {
                    operation: "PutRecords",
                    reason: reason.unwrap_or_default(),
                });
            }
            // They share a key: what follows a failed one was not sent.
            outgoing.drain(..first);
            crate::aws::retry::wait(attempt).await;
        }
        Ok(())
    }
}

impl std::ops::AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.events += other.events;
        self.records += other.records;
        self.bytes += other.bytes;
        self.billed_bytes += other.billed_bytes;
        self.read_units += other.read_units;
    }
}

/// What reading these commits took, in read units.
fn read_units(commits: &[Commit]) -> u64 {
    let bytes = commits
        .iter()
        .map(|commit| commit.events.len() as u64 + 200);
    bytes.map(|bytes| bytes.div_ceil(4096)).sum()
}
