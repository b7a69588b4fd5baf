//! A listener's turn on one stream: it takes the stream's new events.

use super::work::{Tools, Undone, Work};
use crate::{
    Error,
    data_table::{key::Key, row::Row, transaction::Write},
    gateway::{log as gateway, waiting},
    history::resolve,
    process::{due, journals::Failure},
    project::told::told,
};
use rewind::{
    Caller, CloudEvent, RecordedEvent, Rejection, Runner, StreamName,
    watermark::{Arrival, arrival},
};
use serde_json::Value;
use std::{borrow::Cow, time::Instant};

/// Pages of a stream that are read before what was emitted is sent and the
/// checkpoint moves on. The delivery then comes again for the rest.
const PAGES_A_TURN: usize = 40;

/// What a batch holds of one stream.
#[derive(Default)]
pub(super) struct Arrived<'a> {
    /// Its events, as they came.
    pub events: Vec<&'a RecordedEvent>,
    /// The places in the batch of the deliveries that brought them.
    pub places: Vec<usize>,
    /// Whether a playback has brought any of them.
    pub is_replayed: bool,
}

/// A listener's turn on one stream.
pub(super) struct Turn<'a> {
    /// The listener.
    pub work: Work<'a>,
    /// The stream.
    pub stream: &'a StreamName,
    /// What the batch holds of it.
    arrived: &'a Arrived<'a>,
    /// Where its checkpoint stands.
    pub key: Key,
    /// As it was before the turn.
    pub checkpoint: Row,
    /// How far the listener has come.
    pub watermark: u64,
    /// What goes to `incoming`.
    pub emitted: Vec<CloudEvent>,
    /// What the checkpoint knows beside its watermark.
    pub state: Option<Value>,
    /// What is written with it.
    pub changes: Vec<Write>,
    /// Why the listener does not go on.
    pub refused: Option<Rejection>,
    /// Whether the table is known to hold more.
    pub has_more: bool,
}

impl<'a> Turn<'a> {
    pub fn new(work: Work<'a>, stream: &'a StreamName, arrived: &'a Arrived<'a>) -> Self {
        Self {
            key: Key::checkpoint(&work.origin(), stream.as_str()),
            work,
            stream,
            arrived,
            checkpoint: Row::default(),
            watermark: 0,
            emitted: Vec::new(),
            state: None,
            changes: Vec::new(),
            refused: None,
            has_more: false,
        }
    }

    /// Goes on behind what was done before.
    pub fn behind(&mut self, checkpoint: Row) {
        self.watermark = checkpoint.watermark;
        self.state.clone_from(&checkpoint.state);
        self.checkpoint = checkpoint;
    }

    /// The places in the batch of what has to come again if the turn fails.
    pub fn places(&self) -> &'a [usize] {
        &self.arrived.places
    }

    /// Whether the outside is asked.
    pub fn is_of_gateway(&self) -> bool {
        matches!(self.work, Work::Gateway(_))
    }

    /// The whole turn, but for what is sent and written at its end. Calls are made
    /// until then.
    pub async fn run(&mut self, tools: &Tools, until: Instant) -> Result<(), Error> {
        self.emit(tools).await?;
        if self.watermark == self.checkpoint.watermark {
            return Ok(());
        }
        match self.work {
            Work::Journal(runner) => self.list_deadlines(tools, runner).await,
            Work::Gateway(caller) => self.call(tools, caller, until).await,
            Work::Reaction(_) | Work::Process(_) | Work::Later => Ok(()),
        }
    }

    /// Makes the calls that wait in a log. What has to be made later is put on
    /// the list. A replay makes none.
    async fn call(&mut self, tools: &Tools, caller: &Caller, until: Instant) -> Result<(), Error> {
        let until = match self.arrived.is_replayed {
            true => Instant::now(),
            false => until,
        };
        let (live, store) = (&tools.live, tools.commands.store());
        let called = async {
            let log = live.load(self.stream).await?;
            if log.calls.next().is_none() {
                // An entry of the list, if there is one, ends with the next look.
                return Ok(None);
            }
            let entry = waiting::read(store, self.stream).await?;
            let waits = live
                .work(caller, self.stream, entry.as_ref(), until)
                .await?;
            Ok(waiting::change(self.stream, entry.as_ref(), waits.as_ref()))
        };
        match called.await {
            Ok(change) => {
                self.changes.extend(change);
                Ok(())
            }
            Err(gateway::Failure::Aws(error)) => Err(error),
            Err(gateway::Failure::Refused(why)) => {
                self.watermark = self.checkpoint.watermark;
                self.refused = Some(why);
                Ok(())
            }
        }
    }

    /// Lets the listener take the stream's new events.
    async fn emit(&mut self, tools: &Tools) -> Result<(), Error> {
        let table = tools.commands.events();
        let head = told(table, self.stream, &self.checkpoint).await?;
        let through = match arrival(self.watermark, head, self.arrived.events.iter().copied()) {
            Arrival::Skip => return Ok(()),
            Arrival::Apply(run) => {
                let through = run.last().map_or(0, |event| event.version);
                let run = run.into_iter().map(Cow::Borrowed);
                return self.take(tools, run, through).await;
            }
            Arrival::Read { through } => through,
        };
        for nth in 1.. {
            let page = table.read_events(self.stream, self.watermark, through);
            let (events, has_more) = page.await?;
            let page = events.into_iter().map(Cow::Owned);
            self.take(tools, page, through).await?;
            if self.refused.is_some() || self.watermark >= through {
                return Ok(());
            }
            if !has_more {
                return Err(Error::Damaged {
                    what: format!("stream {}", self.stream),
                    reason: format!("{through} was published and is not in the table"),
                });
            }
            if nth == PAGES_A_TURN {
                self.has_more = true;
                break;
            }
        }
        Ok(())
    }

    /// Reacts to events until one is refused. One that is taken back up to
    /// `through` holds nobody up.
    async fn take<'e>(
        &mut self,
        tools: &Tools,
        events: impl Iterator<Item = Cow<'e, RecordedEvent>>,
        through: u64,
    ) -> Result<(), Error> {
        for event in events {
            let version = event.version;
            match self
                .work
                .take(tools, &event, self.arrived.is_replayed)
                .await
            {
                Ok(emitted) => self.emitted.extend(emitted),
                Err(Undone::Failed(error)) => return Err(error),
                Err(Undone::Refused(refused)) => {
                    let (events, stream) = (tools.commands.events(), self.stream);
                    if !resolve::is_taken_back(events, stream, version, through).await? {
                        let origin = self.work.origin();
                        tracing::warn!(
                            %origin,
                            %stream,
                            version,
                            id = event.event.id,
                            correlationid = event.event.extension("correlationid"),
                            "an event is refused"
                        );
                        self.refused = Some(refused);
                        return Ok(());
                    }
                }
            }
            self.watermark = version;
        }
        Ok(())
    }

    /// What has to change in the list of deadlines, where a journal has gone on.
    async fn list_deadlines(&mut self, tools: &Tools, runner: &Runner) -> Result<(), Error> {
        match tools.journals.load(runner, self.stream).await {
            Ok(loaded) => {
                let known = self.checkpoint.state.as_ref();
                let (changes, state) = due::changes(runner, known, &loaded.instance);
                (self.changes, self.state) = (changes, Some(state));
                Ok(())
            }
            Err(Failure::Aws(error)) => Err(error),
            // The journal cannot be folded: its reader stalls where it was.
            Err(Failure::Refused(why)) => {
                self.watermark = self.checkpoint.watermark;
                self.refused = Some(why);
                Ok(())
            }
        }
    }
}
