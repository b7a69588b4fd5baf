//! Sending what the events table holds, lane by lane.

use super::{Go, HEARTBEAT, Lane, Run, Sent, State};
use crate::{
    Error,
    event_store::After,
    given::now,
    lanes::{self, PAGE},
    put::Outgoing,
};
use futures::{StreamExt, stream};
use rewind::{Commit, Delivery, Recorded, StreamName, envelope::Marker, selection::micros};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Lanes that are read at once.
const PARALLEL_LANES: usize = 4;

/// How often a page that Kinesis does not take is sent before the invocation
/// fails.
const MAX_SENDS: u32 = 4;

impl Run<'_> {
    /// Replays every lane.
    pub(super) async fn replay(&self) -> Result<Go, Error> {
        // All that was recorded before `until` has to be in the index.
        let open_for = micros(now()).saturating_sub(self.until);
        let lag = self.player.index_lag;
        tokio::time::sleep(lag.saturating_sub(Duration::from_micros(open_for))).await;
        self.find_ranges().await?;
        let (lanes, is_begun) = {
            let playback = &self.saved.lock().await.playback;
            let mut lanes = playback.lanes.values();
            let is_begun = lanes.any(|lane| lane.place.is_some() || lane.done);
            (playback.lanes.clone(), is_begun)
        };
        if let (false, Some(first)) = (is_begun, lanes.keys().next()) {
            self.mark(first, Marker::Start).await?;
        }
        let open = lanes.into_iter().filter(|(_, lane)| !lane.done);
        let jobs = stream::iter(open)
            .map(|(name, lane)| async move {
                let ended = self.replay_lane(&name, lane).await;
                if !matches!(ended, Ok(Go::On)) {
                    self.end();
                }
                ended
            })
            .buffer_unordered(PARALLEL_LANES);
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
            let last = playback.lanes.keys().next_back().cloned();
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

    /// Learns from where to where each lane goes, for the progress.
    async fn find_ranges(&self) -> Result<(), Error> {
        let lanes = self.saved.lock().await.playback.lanes.clone();
        let unknown = lanes.iter().filter(|(_, lane)| lane.range.is_none());
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
                    let lane = playback.lanes.entry(name.clone()).or_default();
                    lane.range = Some(*range);
                }
            })
            .await?;
        }
        Ok(())
    }

    async fn replay_lane(&self, name: &str, mut lane: Lane) -> Result<Go, Error> {
        let events = &self.player.events;
        let what = &self.request.what;
        loop {
            if !self.has_time() {
                return Ok(Go::OutOfTime);
            }
            let limit = self.pacer.page(PAGE);
            let after = lane.place.as_ref();
            let page = lanes::page(events, name, what, after, self.until, limit).await?;
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
            lane.place = page.place.or(lane.place);
            lane.sent += sent;
            lane.done = page.is_last;
            if lane.done {
                let marker = Marker::EndOfSlice {
                    slice: name.to_string(),
                    events: lane.sent.events,
                };
                self.mark(name, marker).await?;
            }
            let go = self.save(|playback| {
                let saved = playback.lanes.entry(name.to_string()).or_default();
                saved.place = lane.place.clone();
                saved.sent = lane.sent;
                saved.done = lane.done;
            });
            let go = go.await?;
            if go != Go::On || lane.done {
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
    ) -> Result<BTreeMap<StreamName, Vec<Recorded>>, Error> {
        // A stream's commits rise in a lane: consecutive ones share records.
        let mut runs: BTreeMap<StreamName, Vec<Recorded>> = BTreeMap::new();
        for event in lanes::selected(commits, &self.request.what)? {
            let run = runs.entry(event.stream().clone()).or_default();
            run.push(event);
        }
        Ok(runs)
    }

    /// Sends runs of one lane to the replay stream, and returns when Kinesis
    /// holds all of them. A dry run only counts them.
    pub(super) async fn send(
        &self,
        lane: &str,
        runs: &BTreeMap<StreamName, Vec<Recorded>>,
    ) -> Result<Sent, Error> {
        let slices = runs.iter();
        let slices = slices.map(|(stream, events)| (stream, events.as_slice()));
        let records = Delivery::aggregate(slices, Some(&self.replay));
        let bytes = records.iter().map(|record| record.len() as u64);
        let sent = Sent {
            events: runs.values().map(|events| events.len() as u64).sum(),
            records: records.len() as u64,
            bytes: bytes.clone().sum(),
            billed_bytes: bytes.map(|bytes| bytes.next_multiple_of(1024)).sum(),
            read_units: 0,
        };
        if !self.request.dry_run {
            self.put(lane, records).await?;
        }
        Ok(sent)
    }

    /// Says where the playback is.
    async fn mark(&self, lane: &str, marker: Marker) -> Result<(), Error> {
        if self.request.dry_run {
            return Ok(());
        }
        let record = Delivery::marker(&self.replay, marker);
        self.put(lane, vec![record]).await
    }

    async fn put(&self, lane: &str, records: Vec<Vec<u8>>) -> Result<(), Error> {
        // All streams of a slice share its records, so they share its key.
        let key = match StreamName::new(lane) {
            Ok(stream) => stream.slice(),
            Err(_) => lane.to_string(),
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
            crate::retry::wait(attempt).await;
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
