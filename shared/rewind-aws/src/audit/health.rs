//! Whether every reader moves, and if not, which one and why: what
//! `GET /health` answers, and what playback's schedule turns into metrics.

use super::{
    lag::{self, Lag},
    waiting,
};
use crate::{
    Error,
    aws::{
        clock::{domain_now, now},
        producer::Stream,
    },
    data_table::{
        behind,
        data_store::DataStore,
        dead_letter::{self, DeadLetter},
        shard::{self, Failing},
        stall::{self, Stall},
        undeclared::{self, Undeclared},
    },
    event_table::event_store::EventStore,
    gateway::overdue::{self, Waits},
    playback::{failing::FailingPlayback, record},
    process::overdue::{Overdue, overdue},
};
use jiff::Timestamp;
use rewind::{Service, StreamName};
use schemars::JsonSchema;
use serde::Serialize;
use std::time::Duration;

/// The most stalled streams, and the most dead letters, that are named; there
/// may be more.
pub const MAX_NAMED: i32 = 100;

/// How long `/health` and its metrics let an event wait for a reader, or a
/// shard fail, before they say so.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How often the schedule of microservice looks for deadlines: `template.yaml`.
const SCHEDULE: Duration = Duration::from_secs(60);

/// What a look at the whole system reads.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// The domain, whose readers are looked at.
    pub service: &'a Service,
    /// The events table.
    pub events: &'a EventStore,
    /// The data store.
    pub store: &'a DataStore,
    /// The stream of accepted events, which pump reads.
    pub incoming: &'a Stream,
    /// How long an event may wait for a reader, and a shard may fail, before
    /// that counts.
    pub patience: Duration,
}

/// How the whole system is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Health {
    /// The worst of what is wrong.
    pub status: Status,
    /// A sentence for each thing that is wrong.
    pub why: Vec<String>,
    /// How far each reader is behind.
    pub readers: Vec<Lag>,
    /// Shards whose next batch fails.
    pub failing: Vec<Failing>,
    /// Playbacks whose invocations fail.
    pub failing_playbacks: Vec<FailingPlayback>,
    /// The streams that wait for their operator, up to [`MAX_NAMED`].
    pub stalled: Vec<Stall>,
    /// Whether more streams are stalled than are named.
    pub more_stalled: bool,
    /// Gateways with calls that wait for the outside.
    pub calls: Vec<Waits>,
    /// Batches that a trigger has given up on and nobody has handled, up to
    /// [`MAX_NAMED`].
    pub dead_letters: Vec<DeadLetter>,
    /// Whether there are more dead letters than are named.
    pub more_dead_letters: bool,
    /// Events whose identity belongs to other content: `rewind-conflicts`.
    pub conflicts: u64,
    /// Records that could not be recorded, parked: `rewind-unreadable`.
    pub unreadable: u64,
    /// Event types in history that no enum declares: readers pass over them.
    pub undeclared: Vec<Undeclared>,
}

/// What is wrong, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[schemars(rename = "HealthStatus")]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Nothing is.
    Ok,
    /// Some streams wait for their operator.
    Stalled,
    /// A trigger has given up on a batch, and nobody has handled it.
    DeadLetters,
    /// A reader has not moved for as long as patience lasts, and there is more
    /// to read.
    Behind,
    /// A shard has not moved for as long as patience lasts, as its next batch
    /// fails; or a playback, as its invocations fail.
    Failing,
}

/// Looks at all of it.
///
/// # Errors
///
/// When DynamoDB or Kinesis fails or what a table holds is damaged.
pub async fn look(at: Scope<'_>) -> Result<Health, Error> {
    let now = now();
    let mut readers = vec![pump_lag(at, now).await?];
    let micros = now.as_microsecond().max(0).unsigned_abs();
    let lags = lag::of_readers(at.service, at.events, at.store, micros, at.patience);
    readers.extend(lags.await?);
    if !at.service.runners().is_empty() {
        readers.push(timer_lag(at, domain_now()).await?);
    }
    // Each stream of the list holds an event at least.
    for (reader, (events, since)) in behind::stores(at.store, MAX_NAMED).await? {
        readers.push(Lag {
            reader,
            events,
            seconds: now.duration_since(since).as_secs().max(0).unsigned_abs(),
        });
    }
    let failing = shard::failing_ones(at.store).await?;
    let (stalled, more) = stall::list(at.store, None, None, MAX_NAMED).await?;
    let (dead_letters, more_letters) = dead_letter::list(at.store, None, MAX_NAMED).await?;
    let mut health = Health {
        status: Status::Ok,
        why: Vec::new(),
        readers,
        failing,
        failing_playbacks: record::failing_ones(at.store).await?,
        stalled,
        more_stalled: more.is_some(),
        calls: overdue::overdue(at.service, at.store, micros).await?,
        dead_letters,
        more_dead_letters: more_letters.is_some(),
        conflicts: length(at.events, "rewind-conflicts").await?,
        unreadable: length(at.events, "rewind-unreadable").await?,
        undeclared: undeclared::list(at.store, at.service).await?,
    };
    health.judge(now, at.patience);
    Ok(health)
}

impl Health {
    /// How far the reader that is behind most is behind: in events, and in
    /// seconds (for which calls that wait count as well), which need not be the same reader's.
    pub fn most_behind(&self) -> (u64, u64) {
        let events = self.readers.iter().map(|lag| lag.events).max();
        let seconds = self.readers.iter().map(|lag| lag.seconds);
        let seconds = seconds
            .chain(self.calls.iter().map(|waits| waits.seconds))
            .max();
        (events.unwrap_or_default(), seconds.unwrap_or_default())
    }

    /// Says what of it is wrong.
    fn judge(&mut self, now: Timestamp, patience: Duration) {
        let mut wrong: Vec<(Status, String)> = Vec::new();
        if !self.stalled.is_empty() {
            let many = counted(self.stalled.len(), self.more_stalled, "stream");
            wrong.push((Status::Stalled, format!("{many} stalled")));
        }
        if !self.dead_letters.is_empty() {
            let many = counted(self.dead_letters.len(), self.more_dead_letters, "batch");
            let why = format!("{many} given up on: see the dead letters");
            wrong.push((Status::DeadLetters, why));
        }
        let patience = patience.as_secs();
        let is_late = |lag: &&Lag| lag.events > 0 && lag.seconds >= patience;
        for lag in self.readers.iter().filter(is_late) {
            let Lag {
                reader,
                events,
                seconds,
            } = lag;
            let why =
                format!("{reader} has not moved for {seconds} s; {events} events wait for it");
            wrong.push((Status::Behind, why));
        }
        for waits in self.calls.iter().filter(|waits| waits.seconds >= patience) {
            let Waits {
                gateway,
                logs,
                seconds,
                reason,
            } = waits;
            let why = format!(
                "calls of {logs} keys of the gateway {gateway} wait, the first for {seconds} s: {reason}"
            );
            wrong.push((Status::Behind, why));
        }
        for failing in &self.failing {
            let seconds = now.duration_since(failing.since).as_secs().unsigned_abs();
            if seconds >= patience {
                let (function, shard) = (&failing.function, &failing.shard);
                let why = format!("{function} has failed at {shard} for {seconds} s");
                wrong.push((Status::Failing, why));
            }
        }
        for playback in &self.failing_playbacks {
            let seconds = now.duration_since(playback.since).as_secs().unsigned_abs();
            if seconds >= patience {
                let id = &playback.id;
                let why = format!("playback {id} has failed for {seconds} s");
                wrong.push((Status::Failing, why));
            }
        }
        for (status, why) in wrong {
            self.status = self.status.max(status);
            self.why.push(why);
        }
    }
}

/// Such as `1 stream is`, `3 batches are`, `100 or more streams are`.
fn counted(number: usize, are_more: bool, what: &str) -> String {
    let plural = if what.ends_with("ch") { "es" } else { "s" };
    match (number, are_more) {
        (1, false) => format!("1 {what} is"),
        (number, false) => format!("{number} {what}{plural} are"),
        (number, true) => format!("{number} or more {what}{plural} are"),
    }
}

/// What waits on `incoming`.
async fn pump_lag(at: Scope<'_>, now: Timestamp) -> Result<Lag, Error> {
    let reached = shard::reached(at.store, "pump").await?;
    let now = now.as_millisecond().max(0).unsigned_abs();
    waiting::behind(at.incoming, at.events, &reached, now).await
}

/// The deadlines that have not fired though they are due. They count from when
/// the schedule, which looks each minute, is late.
async fn timer_lag(at: Scope<'_>, now: Timestamp) -> Result<Lag, Error> {
    let Overdue { count, since } = overdue(at.service, at.store, now).await?;
    let late = since.map_or(0, |since| now.duration_since(since).as_secs());
    let late = late
        .max(0)
        .unsigned_abs()
        .saturating_sub(SCHEDULE.as_secs());
    Ok(Lag {
        reader: "timer".into(),
        events: count,
        seconds: late,
    })
}

/// How many events a stream of Rewind's own has.
async fn length(events: &EventStore, stream: &str) -> Result<u64, Error> {
    let stream = StreamName::new(stream).map_err(|error| Error::damaged(stream, error))?;
    Ok(events.head(&stream).await?.version)
}
