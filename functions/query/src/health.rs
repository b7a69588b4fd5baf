//! `GET /health`: whether every reader moves, and if not, which one and why.

use crate::handler::{Handler, Unanswered};
use rewind::StreamName;
use rewind_aws::{
    Error,
    audit::{
        lag::{self, Lag},
        waiting,
    },
    aws::{
        clock::now,
        http::{self, Response},
    },
    data_table::{
        shard::{self, Failing},
        stall::{self, Stall},
        undeclared::{self, Undeclared},
    },
    playback::{
        player::{self, Playback},
        shown::Shown,
    },
};
use serde::Serialize;

/// The most stalled streams that are named; there may be more.
const MAX_STALLS: i32 = 100;

#[derive(Serialize)]
struct Health<'a> {
    status: Status,
    /// A sentence for each thing that is wrong.
    why: Vec<String>,
    /// How far each reader is behind.
    readers: Vec<Lag>,
    /// Shards whose next batch fails.
    failing: Vec<Failing>,
    stalled: Vec<Stall>,
    /// Whether more streams are stalled than are named.
    more_stalled: bool,
    /// Events whose identity belongs to other content: `rewind-conflicts`.
    conflicts: u64,
    /// Records that could not be recorded, parked: `rewind-unreadable`.
    unreadable: u64,
    /// Event types in history that no enum declares: readers pass over them.
    undeclared: Vec<Undeclared>,
    playbacks: Vec<Shown<'a>>,
}

/// The worst of what is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    /// Some streams wait for their operator.
    Stalled,
    /// A reader has not moved for a minute, and there is more to read.
    Behind,
    /// A shard has not moved for a minute, as its next batch fails.
    Failing,
}

impl Handler {
    pub(crate) async fn health(&self) -> Result<Response, Unanswered> {
        let now = now();
        let mut readers = vec![self.pump_lag(now.as_millisecond()).await?];
        let micros = now.as_microsecond().max(0).unsigned_abs();
        let lags = lag::of_readers(
            &self.service,
            &self.events,
            &self.store,
            micros,
            self.patience,
        );
        readers.extend(lags.await?);
        let failing = shard::failing_ones(&self.store).await?;
        let (stalled, more) = stall::list(&self.store, None, None, MAX_STALLS).await?;
        let running = self.running_playbacks().await?;
        let mut status = Status::Ok;
        let mut why = Vec::new();
        if !stalled.is_empty() {
            status = status.max(Status::Stalled);
            let more = if more.is_some() { " or more" } else { "" };
            why.push(format!("{}{more} streams are stalled", stalled.len()));
        }
        let patience = self.patience.as_secs();
        let is_late = |lag: &&Lag| lag.events > 0 && lag.seconds >= patience;
        for lag in readers.iter().filter(is_late) {
            status = status.max(Status::Behind);
            let Lag {
                reader,
                events,
                seconds,
            } = lag;
            why.push(format!(
                "{reader} has not moved for {seconds} s; {events} events wait for it"
            ));
        }
        for shard in &failing {
            let seconds = now.duration_since(shard.since).as_secs();
            if seconds.unsigned_abs() >= patience {
                status = status.max(Status::Failing);
                let (function, shard) = (&shard.function, &shard.shard);
                why.push(format!("{function} has failed at {shard} for {seconds} s"));
            }
        }
        let health = Health {
            status,
            why,
            readers,
            failing,
            stalled,
            more_stalled: more.is_some(),
            conflicts: self.length("rewind-conflicts").await?,
            unreadable: self.length("rewind-unreadable").await?,
            undeclared: undeclared::list(&self.store, &self.service).await?,
            playbacks: running.iter().map(Playback::shown).collect(),
        };
        Ok(http::json(200, &health))
    }

    /// What waits on `incoming`.
    async fn pump_lag(&self, now: i64) -> Result<Lag, Error> {
        let reached = shard::reached(&self.store, "pump").await?;
        let now = now.max(0).unsigned_abs();
        waiting::behind(&self.incoming, &self.events, &reached, now).await
    }

    async fn running_playbacks(&self) -> Result<Vec<Playback>, Error> {
        let mut running: Vec<Playback> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (page, next) = player::list(&self.store, after.as_deref(), 100).await?;
            let page = page.into_iter();
            running.extend(page.filter(|playback| !playback.state.is_over()));
            match next {
                Some(next) => after = Some(next),
                None => return Ok(running),
            }
        }
    }

    /// How many events a stream of Rewind's own has.
    async fn length(&self, stream: &str) -> Result<u64, Error> {
        let stream = StreamName::new(stream).expect("it is the name of a stream");
        Ok(self.events.head(&stream).await?.version)
    }
}
