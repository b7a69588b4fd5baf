//! Microservice's work: lets adapters, rules and what decides about waiting
//! commands take recorded events, and sends what they emit to `incoming`.
//!
//! Each keeps a checkpoint for each stream. It moves on only when Kinesis
//! holds what was emitted. After a crash in between the same events are emitted
//! again, under the same identities, and the sequencer records them once.

use super::work::{Tools, Undone, Work};
use crate::{
    Error,
    aws::{batch::Failures, producer::Stream, publish::Run},
    command::commands::Commands,
    data_table::{
        began::Began,
        data_store::DataStore,
        key::Key,
        row::{Row, Written},
        stall::{self, Stall},
        transaction::Write,
    },
    gateway::{live::Live, log as gateway, waiting},
    history::resolve,
    outside::Outside,
    process::{
        due,
        journals::{Failure, Journals},
    },
    project::told::told,
};
use futures::{StreamExt, stream};
use rewind::{
    Batch, Caller, CloudEvent, Delivery, RecordedEvent, Rejection, Replay, Runner, StreamName,
    watermark::{Arrival, arrival},
};
use serde_json::Value;
use std::{
    borrow::Cow,
    cmp::Ordering,
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Pages of a stream that are read before what was emitted is sent and the
/// checkpoint moves on. The delivery then comes again for the rest.
const PAGES_A_TURN: usize = 40;

/// Changes in the list of deadlines that are written with a checkpoint: a
/// transaction holds 100 items.
const CHANGES_AT_ONCE: usize = 90;

/// So long the calls of a batch are made; those that are left are put on the
/// list. The function has a minute for its batch.
const CALLS_FOR: Duration = Duration::from_secs(20);

/// Logs that are worked at at once.
const LOGS_AT_ONCE: usize = 16;

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

/// What a batch holds of one stream.
#[derive(Default)]
struct Arrived<'a> {
    events: Vec<&'a RecordedEvent>,
    places: Vec<usize>,
    is_replayed: bool,
}

/// A listener's turn on one stream.
struct Turn<'a> {
    work: Work<'a>,
    stream: &'a StreamName,
    places: Vec<usize>,
    /// Whether a playback has brought any of it.
    is_replayed: bool,
    key: Key,
    checkpoint: Row,
    watermark: u64,
    emitted: Vec<CloudEvent>,
    /// What the checkpoint knows beside its watermark.
    state: Option<Value>,
    /// What is written with it.
    changes: Vec<Write>,
    refused: Option<Rejection>,
    /// Whether the table is known to hold more.
    has_more: bool,
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
            for work in Work::of(self.tools.commands.service(), stream.category()) {
                turns.push(Turn {
                    work,
                    stream,
                    places: arrived.places.clone(),
                    is_replayed: arrived.is_replayed,
                    key: Key::checkpoint(&work.origin(), stream.as_str()),
                    checkpoint: Row::default(),
                    watermark: 0,
                    emitted: Vec::new(),
                    state: None,
                    changes: Vec::new(),
                    refused: None,
                    has_more: false,
                });
            }
        }
        let keys: Vec<Key> = turns.iter().map(|turn| turn.key.clone()).collect();
        let mut checkpoints = self.store().rows(&keys).await?;
        let mut reacted = Reacted::default();
        let mut ready = Vec::new();
        for turn in &mut turns {
            turn.checkpoint = checkpoints.remove(&turn.key).unwrap_or_default();
            turn.watermark = turn.checkpoint.watermark;
            turn.state.clone_from(&turn.checkpoint.state);
        }
        // The outside takes its time: logs are worked at side by side.
        let is_gateway = |turn: &Turn<'_>| matches!(turn.work, Work::Gateway(_));
        let (calls, others): (Vec<_>, Vec<_>) = turns.into_iter().partition(is_gateway);
        let streams = &streams;
        let work = |mut turn: Turn<'a>| async move {
            let events = &streams[turn.stream].events;
            let worked = self.work(&mut turn, events, until).await;
            (turn, worked)
        };
        let mut worked = Vec::new();
        for turn in others {
            worked.push(work(turn).await);
        }
        let calls = stream::iter(calls).map(work).buffered(LOGS_AT_ONCE);
        worked.extend(calls.collect::<Vec<_>>().await);
        for (turn, worked) in worked {
            match worked {
                Ok(()) => ready.push(turn),
                Err(error) => reacted.fail(&turn, &error.to_string()),
            }
        }
        let sent = self.send(&ready).await;
        for (turn, sent) in ready.iter().zip(sent) {
            let outcome = match sent {
                Ok(()) => {
                    reacted.emitted += turn.emitted.len();
                    self.settle(turn).await.map_err(|error| error.to_string())
                }
                Err(reason) => Err(reason),
            };
            match outcome {
                Ok(()) => {
                    if turn.has_more {
                        reacted.fail(turn, "it goes on with the next delivery");
                    }
                    reacted.stalled += usize::from(turn.refused.is_some());
                }
                Err(reason) => reacted.fail(turn, &reason),
            }
        }
        Ok(reacted)
    }

    fn store(&self) -> &DataStore {
        self.tools.commands.store()
    }

    /// A listener's whole turn, but for what is sent and written at its end.
    async fn work(
        &self,
        turn: &mut Turn<'_>,
        events: &[&RecordedEvent],
        until: Instant,
    ) -> Result<(), Error> {
        self.emit(turn, events).await?;
        if turn.watermark == turn.checkpoint.watermark {
            return Ok(());
        }
        match turn.work {
            Work::Journal(runner) => self.list_deadlines(turn, runner).await,
            Work::Gateway(caller) => self.call(turn, caller, until).await,
            Work::Reaction(_) | Work::Process(_) | Work::Later => Ok(()),
        }
    }

    /// Makes the calls that wait in a log. What has to be made later is put on
    /// the list. A replay makes none.
    async fn call(
        &self,
        turn: &mut Turn<'_>,
        caller: &Caller,
        until: Instant,
    ) -> Result<(), Error> {
        let until = match turn.is_replayed {
            true => Instant::now(),
            false => until,
        };
        let (live, store) = (&self.tools.live, self.store());
        let called = async {
            let log = live.load(turn.stream).await?;
            if log.calls.next().is_none() {
                // An entry of the list, if there is one, ends with the next look.
                return Ok(None);
            }
            let entry = waiting::read(store, turn.stream).await?;
            let waits = live
                .work(caller, turn.stream, entry.as_ref(), until)
                .await?;
            Ok(waiting::change(turn.stream, entry.as_ref(), waits.as_ref()))
        };
        match called.await {
            Ok(change) => {
                turn.changes.extend(change);
                Ok(())
            }
            Err(gateway::Failure::Aws(error)) => Err(error),
            Err(gateway::Failure::Refused(why)) => {
                turn.watermark = turn.checkpoint.watermark;
                turn.refused = Some(why);
                Ok(())
            }
        }
    }

    /// Lets the listener take the stream's new events.
    async fn emit(&self, turn: &mut Turn<'_>, events: &[&RecordedEvent]) -> Result<(), Error> {
        let table = self.tools.commands.events();
        let head = told(table, turn.stream, &turn.checkpoint).await?;
        let through = match arrival(turn.watermark, head, events.iter().copied()) {
            Arrival::Skip => return Ok(()),
            Arrival::Apply(run) => {
                let through = run.last().map_or(0, |event| event.version);
                let run = run.into_iter().map(Cow::Borrowed);
                return self.react_to(turn, run, through).await;
            }
            Arrival::Read { through } => through,
        };
        for nth in 1.. {
            let page = table.read_events(turn.stream, turn.watermark, through);
            let (events, has_more) = page.await?;
            let page = events.into_iter().map(Cow::Owned);
            self.react_to(turn, page, through).await?;
            if turn.refused.is_some() || turn.watermark >= through {
                return Ok(());
            }
            if !has_more {
                return Err(Error::Damaged {
                    what: format!("stream {}", turn.stream),
                    reason: format!("{through} was published and is not in the table"),
                });
            }
            if nth == PAGES_A_TURN {
                turn.has_more = true;
                break;
            }
        }
        Ok(())
    }

    /// Reacts to events until one is refused. One that is taken back up to
    /// `through` holds nobody up.
    async fn react_to<'e>(
        &self,
        turn: &mut Turn<'_>,
        events: impl Iterator<Item = Cow<'e, RecordedEvent>>,
        through: u64,
    ) -> Result<(), Error> {
        for event in events {
            let version = event.version;
            match turn.work.take(&self.tools, &event, turn.is_replayed).await {
                Ok(emitted) => turn.emitted.extend(emitted),
                Err(Undone::Failed(error)) => return Err(error),
                Err(Undone::Refused(refused)) => {
                    let (events, stream) = (self.tools.commands.events(), turn.stream);
                    if !resolve::is_taken_back(events, stream, version, through).await? {
                        let origin = turn.work.origin();
                        tracing::warn!(
                            %origin,
                            %stream,
                            version,
                            id = event.event.id,
                            correlationid = event.event.extension("correlationid"),
                            "an event is refused"
                        );
                        turn.refused = Some(refused);
                        return Ok(());
                    }
                }
            }
            turn.watermark = version;
        }
        Ok(())
    }

    /// What has to change in the list of deadlines, where a journal has gone on.
    async fn list_deadlines(&self, turn: &mut Turn<'_>, runner: &Runner) -> Result<(), Error> {
        match self.tools.journals.load(runner, turn.stream).await {
            Ok(loaded) => {
                let known = turn.checkpoint.state.as_ref();
                let (changes, state) = due::changes(runner, known, &loaded.instance);
                (turn.changes, turn.state) = (changes, Some(state));
                Ok(())
            }
            Err(Failure::Aws(error)) => Err(error),
            // The journal cannot be folded: its reader stalls where it was.
            Err(Failure::Refused(why)) => {
                turn.watermark = turn.checkpoint.watermark;
                turn.refused = Some(why);
                Ok(())
            }
        }
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

    /// Moves the checkpoint on behind what was sent.
    async fn settle(&self, turn: &Turn<'_>) -> Result<(), Error> {
        let stalled = match &turn.refused {
            Some(refused) => Some(stall::reason(refused)),
            // It is on its way to the end, and has to go on there.
            None if turn.has_more => turn.checkpoint.stalled.clone(),
            None => None,
        };
        let is_known = turn.refused.is_none() || stalled == turn.checkpoint.stalled;
        if turn.watermark == turn.checkpoint.watermark && is_known {
            // Stalled before for the same reason, or nothing but repeats: those
            // say nothing about the event that the stream is stalled at.
            return Ok(());
        }
        let origin = turn.work.origin();
        let was = turn.checkpoint.stalled.as_deref();
        let stall = stalled.as_ref();
        let stall = stall.map(|reason| Stall::new(&origin, turn.stream, turn.watermark, reason));
        let report = stall::change(was, stall.as_ref(), &origin, turn.stream)?;
        let mut seen = turn.checkpoint.revision;
        let mut changes = turn.changes.as_slice();
        while changes.len() > CHANGES_AT_ONCE {
            // They are found again, and written again, if the rest fails.
            let (some, rest) = changes.split_at(CHANGES_AT_ONCE);
            let (key, row) = (turn.key.clone(), turn.checkpoint.clone());
            let mut writes = some.to_vec();
            writes.push(Write::Put { key, row, seen });
            if self.store().write_together(&writes).await? == Written::Stale {
                return Err(overtaken(&origin, turn.stream));
            }
            (changes, seen) = (rest, seen + 1);
        }
        let checkpoint = Row {
            state: turn.state.clone(),
            watermark: turn.watermark,
            revision: seen,
            stalled,
            ..Row::default()
        };
        let mut beside: Vec<Write> = report.into_iter().collect();
        beside.extend(changes.iter().cloned());
        let written = match beside.is_empty() {
            true => self.store().put(&turn.key, &checkpoint, seen).await?,
            false => {
                let (key, row) = (turn.key.clone(), checkpoint);
                beside.push(Write::Put { key, row, seen });
                self.store().write_together(&beside).await?
            }
        };
        if written == Written::Stale {
            // Another invocation moved the checkpoint. Where it says at least as
            // much, all is well. Where it does not (a write of a process that died
            // may come late), the delivery has to come again. What is emitted
            // twice is recorded once.
            let checkpoints = self.store().rows(std::slice::from_ref(&turn.key)).await?;
            if !checkpoints
                .get(&turn.key)
                .is_some_and(|now| turn.is_in(now))
            {
                return Err(overtaken(&origin, turn.stream));
            }
        }
        Ok(())
    }
}

fn overtaken(origin: &str, stream: &StreamName) -> Error {
    let what = format!("the checkpoint of {origin} for {stream}");
    Error::Contended { what, attempts: 1 }
}

impl Turn<'_> {
    /// Whether a checkpoint is beyond this turn, or says as much as it: up to
    /// where it came, and that it stalls there.
    fn is_in(&self, checkpoint: &Row) -> bool {
        match checkpoint.watermark.cmp(&self.watermark) {
            Ordering::Less => false,
            Ordering::Equal => self.refused.is_none() || checkpoint.stalled.is_some(),
            Ordering::Greater => true,
        }
    }
}

impl Reacted {
    fn fail(&mut self, turn: &Turn<'_>, reason: &str) {
        let (origin, stream) = (turn.work.origin(), turn.stream);
        tracing::warn!(%origin, %stream, reason, "not reacted");
        let why = format!("{origin} {stream}: {reason}");
        let failed = turn.places.iter();
        self.failed
            .extend(failed.map(|place| (*place, why.clone())));
    }
}
