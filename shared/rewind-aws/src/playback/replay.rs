//! Sending what the events table holds, partition by partition.

use super::{
    playing::{Go, HEARTBEAT, Playing},
    progress::Progress,
    state::State,
};
use crate::{
    Error,
    aws::clock::micros,
    history::partition::{self, PAGE},
};
use futures::{StreamExt, stream};
use rewind::{Commit, delivery::Marker};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// Partitions that are read at once.
const PARALLEL_PARTITIONS: usize = 4;

impl Playing<'_> {
    /// Replays every partition.
    pub(super) async fn replay(&self) -> Result<Go, Error> {
        let partitions = self.partitions().await;
        let is_begun = partitions.values().any(Progress::is_begun);
        if let (false, Some(first)) = (is_begun, partitions.keys().next()) {
            self.mark(first, Marker::Start).await?;
        }
        let mut ended = self.replay_open(partitions).await?;
        if ended.iter().all(|go| *go == Go::On) {
            // A category may have begun right before the playback.
            let go = self.prepare_late().await?;
            if go != Go::On {
                return Ok(go);
            }
            ended = self.replay_open(self.partitions().await).await?;
        }
        // Who was stopped has made the others run out of time.
        for end in [Go::Stopped, Go::OutOfTime] {
            if ended.contains(&end) {
                return Ok(end);
            }
        }
        if let Some(last) = self.partitions().await.keys().next_back() {
            let events = self.sent().await.events;
            self.mark(last, Marker::End { events }).await?;
        }
        let has_targets = self.replay.targets().next().is_some();
        let is_rebuild = has_targets && !self.request.dry_run;
        let found = match self.request.policies() {
            Some(_) => Some(self.found().await?),
            None => None,
        };
        self.save(|playback| match is_rebuild {
            true => playback.state = State::CatchingUp,
            false => {
                playback.found = found;
                playback.end(State::Completed);
            }
        })
        .await
    }

    /// Replays the partitions that are not done, some at once.
    async fn replay_open(&self, partitions: BTreeMap<String, Progress>) -> Result<Vec<Go>, Error> {
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
        ended.into_iter().collect()
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
            let settled = self.settled();
            let page = partition::page(events, name, what, after, settled, limit).await?;
            let runs = self.runs(&page.commits)?;
            let count = runs.values().map(|events| events.len() as u64).sum();
            if !self.request.dry_run {
                let go = self.wait_for_turn(count).await?;
                if go != Go::On {
                    return Ok(go);
                }
            }
            if let Some(policies) = self.request.policies() {
                self.compare(policies, &runs).await?;
            }
            let mut sent = self.send(name, &runs).await?;
            if !self.request.dry_run {
                self.sending.sent(sent.events);
            }
            sent.read_units = read_units(&page.commits);
            partition.cursor = page.cursor.or(partition.cursor);
            partition.sent += sent;
            partition.passed += page.passed;
            partition.done = page.is_last && settled == self.until;
            if partition.done {
                let marker = Marker::EndOfPartition {
                    partition: name.to_string(),
                    events: partition.sent.events,
                };
                self.mark(name, marker).await?;
            }
            let (go, saved) = self.advance(name, partition).await?;
            partition = saved;
            if go != Go::On || partition.done {
                return Ok(go);
            }
            if page.is_last {
                let go = self.settle().await?;
                if go != Go::On {
                    return Ok(go);
                }
            }
        }
    }

    /// The position below which nothing can land any more, as far as the playback
    /// goes. A slow process inserts behind what was read already, and what is
    /// recorded has to come into the index. So what is young is read once all that
    /// was recorded before the playback has settled.
    pub(super) fn settled(&self) -> u64 {
        let now = micros();
        match self.settled_by(now) >= self.until {
            true => self.until,
            false => self.until.min(before(now, self.player.settles)),
        }
    }

    /// What has settled for those that get it: a subscriber gets only from here what
    /// a slow process inserts, a generation gets it live.
    fn settled_by(&self, now: u64) -> u64 {
        match self.request.is_for_subscribers() && !self.request.dry_run {
            true => before(now, self.player.settles),
            false => before(now, self.player.index_lag),
        }
    }

    /// Waits until all that was recorded before the playback has settled.
    pub(super) async fn settle(&self) -> Result<Go, Error> {
        loop {
            let left = self.until.saturating_sub(self.settled_by(micros()));
            if left == 0 {
                return Ok(Go::On);
            }
            let go = self.sleep(Duration::from_micros(left)).await?;
            if go != Go::On {
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
            let go = self.sleep(left).await?;
            if go != Go::On {
                return Ok(go);
            }
        }
    }

    /// Sleeps so long, or until it is time to say that the playback lives.
    async fn sleep(&self, left: Duration) -> Result<Go, Error> {
        if !self.has_time() {
            return Ok(Go::OutOfTime);
        }
        tokio::time::sleep(left.min(HEARTBEAT)).await;
        match self.beat(|_| {}).await? {
            Go::Stopped => Ok(Go::Stopped),
            _ => Ok(Go::On),
        }
    }
}

fn before(now: u64, time: Duration) -> u64 {
    now.saturating_sub(time.as_micros() as u64)
}

/// What reading these commits took, in read units.
fn read_units(commits: &[Commit]) -> u64 {
    let bytes = commits
        .iter()
        .map(|commit| commit.events.len() as u64 + 200);
    bytes.map(|bytes| bytes.div_ceil(4096)).sum()
}
