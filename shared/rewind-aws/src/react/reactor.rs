//! Microservice's work: lets adapters, rules and what decides about waiting
//! commands take recorded events, and sends what they emit to `incoming`.
//!
//! Each keeps a checkpoint for each stream. It moves on only when Kinesis
//! holds what was emitted. After a crash in between the same events are emitted
//! again, under the same identities, and the sequencer records them once.

use super::{
    turn::{Arrived, Turn},
    work::{Tools, Work},
};
use crate::{
    Error,
    aws::{batch::Failures, producer::Stream, publish::Run},
    command::commands::Commands,
    data_table::{began::Began, data_store::DataStore, key::Key},
    gateway::live::Live,
    outside::Outside,
    process::journals::Journals,
};
use futures::{StreamExt, stream};
use rewind::{Batch, Delivery, Replay, StreamName};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// So long the calls of a batch are made; those that are left are put on the
/// list. The function has a minute for its batch.
const CALLS_FOR: Duration = Duration::from_secs(20);

/// Turns that are taken side by side: most of a turn is waiting.
const TURNS_AT_ONCE: usize = 16;

/// Turns after which what was emitted is sent, and checkpoints move on: a
/// process that dies, or takes longer than the function may, loses no more.
const TURNS_A_PART: usize = 128;

/// Runs a service's listeners.
#[derive(Debug)]
pub struct Reactor {
    tools: Tools,
    incoming: Stream,
}

/// What became of a batch.
#[derive(Debug, Clone, Default)]
pub struct Reacted {
    /// The deliveries, by their places in the batch, that have to come again.
    pub failed: Failures,
    /// How many events were emitted and sent.
    pub emitted: usize,
    /// How many (reaction, stream) cannot go on.
    pub stalled: usize,
}

impl Reactor {
    /// A reactor that sends what is emitted to the stream `incoming`, lets
    /// `commands` decide about what waits, and has no way to the outside.
    pub fn new(commands: Arc<Commands>, incoming: Stream) -> Self {
        let (service, recorder) = (commands.service().clone(), commands.recorder().clone());
        let live = Live::new(service, recorder, Outside::none());
        Self::calling(commands, incoming, live)
    }

    /// A reactor that makes calls.
    pub fn calling(commands: Arc<Commands>, incoming: Stream, live: Live) -> Self {
        let journals = Journals::new(commands.recorder().clone());
        let began = Began::new(commands.service(), commands.store().clone());
        let tools = Tools {
            commands,
            journals,
            live,
            began,
        };
        Self { tools, incoming }
    }

    /// Reacts to a batch of live deliveries, and to those replayed ones that
    /// are meant for reactions: what was emitted before is not emitted again.
    /// All other replays are left alone.
    ///
    /// # Errors
    ///
    /// When the checkpoints cannot be read: the whole batch has to come again.
    pub async fn react<'a>(
        &'a self,
        deliveries: &'a [(usize, Delivery)],
    ) -> Result<Reacted, Error> {
        let until = Instant::now() + CALLS_FOR;
        let mut streams: BTreeMap<&StreamName, Arrived<'_>> = BTreeMap::new();
        for (place, delivery) in deliveries {
            let replay = delivery.replay.as_ref();
            if !replay.is_none_or(Replay::is_for_microservice) {
                continue;
            }
            for event in &delivery.events {
                let arrived = streams.entry(event.stream()).or_default();
                arrived.events.push(event);
                arrived.places.push(*place);
                arrived.is_replayed |= replay.is_some();
            }
        }
        let mut turns = Vec::new();
        for (stream, arrived) in &streams {
            let all = Work::of(self.tools.commands.service(), stream.category());
            turns.extend(all.into_iter().map(|work| Turn::new(work, stream, arrived)));
        }
        let keys: Vec<Key> = turns.iter().map(|turn| turn.key.clone()).collect();
        let mut checkpoints = self.store().rows(&keys).await?;
        for turn in &mut turns {
            turn.behind(checkpoints.remove(&turn.key).unwrap_or_default());
        }
        // The outside takes its time: nothing else waits for it.
        let (calls, others): (Vec<_>, Vec<_>) = turns.into_iter().partition(Turn::is_of_gateway);
        let mut reacted = Reacted::default();
        for mut turns in [others, calls] {
            while !turns.is_empty() {
                let rest = turns.split_off(turns.len().min(TURNS_A_PART));
                self.take(turns, until, &mut reacted).await;
                turns = rest;
            }
        }
        Ok(reacted)
    }

    /// Takes some turns to their ends.
    async fn take(&self, turns: Vec<Turn<'_>>, until: Instant, reacted: &mut Reacted) {
        let taken = turns.into_iter().map(|mut turn| async move {
            let taken = turn.run(&self.tools, until).await;
            (turn, taken)
        });
        let taken = stream::iter(taken).buffered(TURNS_AT_ONCE);
        let mut ready = Vec::new();
        for (turn, taken) in taken.collect::<Vec<_>>().await {
            match taken {
                Ok(()) => ready.push(turn),
                Err(error) => reacted.fail(&turn, &error.to_string()),
            }
        }
        let sent = self.send(&ready).await;
        let settled = ready.iter().zip(sent).map(|(turn, sent)| async move {
            sent?;
            let settled = turn.settle(self.store()).await;
            settled.map_err(|error| error.to_string())
        });
        let settled = stream::iter(settled).buffered(TURNS_AT_ONCE);
        for (turn, settled) in ready.iter().zip(settled.collect::<Vec<_>>().await) {
            match settled {
                Ok(()) => reacted.count(turn),
                Err(reason) => reacted.fail(turn, &reason),
            }
        }
    }

    fn store(&self) -> &DataStore {
        self.tools.commands.store()
    }

    /// Sends what all turns have emitted, in order for each stream.
    async fn send(&self, turns: &[Turn<'_>]) -> Vec<Result<(), String>> {
        let mut runs = Vec::new();
        let mut turn_of = Vec::new();
        for (nth, turn) in turns.iter().enumerate() {
            // Neighbours of one stream share a record.
            for run in turn.emitted.chunk_by(|a, b| a.stream == b.stream) {
                runs.push(Run::new(run[0].stream.as_str(), Batch::encode(run)));
                turn_of.push(nth);
            }
        }
        let published = self.incoming.publish(runs).await;
        let mut sent = vec![Ok(()); turns.len()];
        for (turn, published) in turn_of.into_iter().zip(published) {
            if let Some(reason) = published.refused {
                sent[turn] = Err(reason);
            }
        }
        sent
    }
}

impl Reacted {
    fn count(&mut self, turn: &Turn<'_>) {
        self.emitted += turn.emitted.len();
        self.stalled += usize::from(turn.refused.is_some());
        if turn.has_more {
            self.fail(turn, "it goes on with the next delivery");
        }
    }

    fn fail(&mut self, turn: &Turn<'_>, reason: &str) {
        let (origin, stream) = (turn.work.origin(), turn.stream);
        tracing::warn!(%origin, %stream, reason, "not reacted");
        let why = format!("{origin} {stream}: {reason}");
        let failed = turn.places().iter();
        self.failed
            .extend(failed.map(|place| (*place, why.clone())));
    }
}
