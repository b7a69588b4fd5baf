//! What a system does with an event: all readers of its category see it, and
//! what they give is recorded in turn, until nothing is left to do.

use super::{
    answer::Answer,
    decide, journals,
    made::{Made, Place, Stall},
    outside::Outside,
    reader::Reader,
    table::{Claimed, Table},
};
use crate::{
    Caller, Calls, Cause, Changed, CloudEvent, Decider, Emitted, Mode, Projection, RecordedEvent,
    Rejection, Service, StreamName, Timestamp,
    command::{Command, Refusal},
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

/// More events than this, without a word from the test between them, have no
/// end.
const MAX_EVENTS: usize = 50_000;

/// A service at work, without anything around it.
#[derive(Debug)]
pub(super) struct Engine {
    pub service: Arc<Service>,
    pub table: Table,
    pub now: Timestamp,
    /// All that can be made again from the table.
    pub made: Made,
    /// What stands in for the outside.
    pub outside: Outside,
    /// Events to be recorded.
    pub incoming: VecDeque<CloudEvent>,
    /// Events that were recorded and that nobody has seen yet.
    pub published: VecDeque<RecordedEvent>,
    /// The stalls that the test has asked for.
    pub expected: BTreeMap<Place, Stall>,
    /// Why events were not recorded that something gave.
    conflicts: Vec<String>,
    /// Deadlines that were refused since the test had its last word.
    refused: BTreeSet<(StreamName, u64)>,
    /// How many events there were when the test had its last word.
    before: usize,
    /// Whether changes of rows are told: not in a rebuild.
    pub tells: bool,
    /// How many changes were told.
    told: u64,
}

impl Engine {
    pub fn new(service: Service, now: Timestamp) -> Self {
        Self {
            service: Arc::new(service),
            table: Table::default(),
            now,
            made: Made::default(),
            outside: Outside::default(),
            incoming: VecDeque::new(),
            published: VecDeque::new(),
            expected: BTreeMap::new(),
            conflicts: Vec::new(),
            refused: BTreeSet::new(),
            before: 0,
            tells: true,
            told: 0,
        }
    }

    /// Checks that nothing is amiss that the test has not asked for.
    #[track_caller]
    pub fn check(&self) {
        let stalls = self.made.stalled(&self.expected);
        assert!(
            stalls.is_empty(),
            "readers are stalled; if that is meant, say so with `then_stalled`: {stalls:#?}"
        );
        let conflicts = &self.conflicts;
        assert!(conflicts.is_empty(), "{conflicts:#?}");
    }

    /// Turns the clock: what is due until then fires, each at its own time.
    #[track_caller]
    pub fn turn(&mut self, until: Timestamp) {
        self.begin();
        while let Some(next) = self.made.next(&self.refused)
            && next.at <= until
        {
            self.now = self.now.max(next.at);
            self.settle();
        }
        self.now = until;
        self.settle();
    }

    /// Does what there is to do.
    #[track_caller]
    pub fn go(&mut self) {
        self.begin();
        self.settle();
    }

    fn begin(&mut self) {
        self.refused.clear();
        self.before = self.table.count();
    }

    #[track_caller]
    fn settle(&mut self) {
        loop {
            let count = self.table.count() - self.before;
            assert!(
                count <= MAX_EVENTS,
                "{count} events follow from one another, and there is no end of them"
            );
            if let Some(event) = self.published.pop_front() {
                self.deliver(&event);
            } else if let Some(event) = self.incoming.pop_front() {
                self.record(&event);
            } else if !self.fire() {
                return;
            }
        }
    }

    /// Records an event once.
    fn record(&mut self, event: &CloudEvent) {
        match self.table.claim(event) {
            Claimed::Yes => {
                let recorded = self.table.append(std::slice::from_ref(event), self.now);
                self.published.extend(recorded);
            }
            Claimed::Before => {}
            Claimed::ByAnother => self.conflicts.push(format!(
                "`{}` of {} with the id {:?} from {:?} is not recorded: another event has this id",
                event.event_type, event.stream, event.id, event.source
            )),
        }
    }

    /// Shows an event to all readers of its category.
    fn deliver(&mut self, event: &RecordedEvent) {
        let service = self.service.clone();
        let (stream, through) = (event.stream(), event.version);
        let projections = service.projections().iter();
        for projection in projections.filter(|known| known.reads(stream.category())) {
            let rows = &mut self.made.rows;
            if let Some(folded) = rows.fold(projection, &self.table, stream, through) {
                let refused = self.tell(projection, stream);
                self.made.note(projection.name, stream, folded.and(refused));
            }
        }
        for reader in Reader::of(&service, stream.category()) {
            self.read(&reader, stream, through);
        }
    }

    /// Tells what the last fold of a stream has changed.
    fn tell(
        &mut self,
        projection: &Projection,
        stream: &StreamName,
    ) -> Result<(), (u64, Rejection)> {
        let (moved, reached) = self.made.rows.moved(projection.name, stream);
        let events = self.table.of(stream).iter();
        let mut events = events.filter(|event| event.version == reached);
        let Some(last) = events.next().filter(|_| self.tells) else {
            return Ok(());
        };
        let cause = Cause::of(last);
        for row in moved {
            self.told += 1;
            let change = projection.change(&Changed {
                id: &format!("change-{}", self.told),
                key: &row.key,
                old: row.old.as_ref(),
                new: row.new.as_ref(),
                cause: &cause,
            });
            self.incoming
                .extend(change.map_err(|refused| (reached, refused))?);
        }
        Ok(())
    }

    /// Lets a reader take what is new of a stream.
    fn read(&mut self, reader: &Reader<'_>, stream: &StreamName, through: u64) {
        let checkpoint = (reader.name(), stream.clone());
        let after = self.made.checkpoints.get(&checkpoint);
        let after = after.copied().unwrap_or_default();
        if after >= through {
            return;
        }
        let mut read = Ok(());
        for version in after + 1..=through {
            let event = self.table.of(stream)[version as usize - 1].clone();
            if let Err(why) = self.take(reader, &event)
                && !self.table.is_taken_back(stream, version, through)
            {
                read = Err((version, why));
                break;
            }
            self.made.checkpoints.insert(checkpoint.clone(), version);
        }
        self.made.note(&checkpoint.0, stream, read);
    }

    fn take(&mut self, reader: &Reader<'_>, event: &RecordedEvent) -> Result<(), Rejection> {
        match reader {
            Reader::Reaction(reaction) => self.emit(reaction.emitted(event)?),
            Reader::Gateway(caller) => {
                let log = event.stream();
                let emitted = caller.emitted(&Calls::of(self.table.of(log))?, event)?;
                self.emit(emitted);
                self.call(caller, log)?;
            }
            Reader::Process(runner) => {
                let known = &self.made.instances;
                let recorded = journals::take(runner, &mut self.table, known, event, self.now)?;
                self.published.extend(recorded);
            }
            Reader::Journal(runner) => {
                let journal = event.stream();
                let known = &self.made.instances;
                let instance = journals::load(runner, &self.table, known, journal)?;
                let issued = runner.issued(std::slice::from_ref(event))?;
                self.incoming.extend(issued);
                self.made.instances.insert(journal.clone(), instance);
            }
            Reader::Later => {
                if let Some(command) = Command::of(event)? {
                    self.decide_later(&command)?;
                }
            }
        }
        Ok(())
    }

    /// Decides about a command that waits. What is wrong with it is its outcome.
    fn decide_later(&mut self, command: &Command) -> Result<(), Rejection> {
        let service = self.service.clone();
        let category = command.stream.category();
        let check = |decider: &Decider| decider.check(&command.command_type, command.data.get());
        let (name, why) = match service.decider(category).map(|known| (known, check(known))) {
            None => {
                let why = format!("no aggregate decides about `{category}`");
                ("no-aggregate", why)
            }
            Some((_, Err(problem))) => ("invalid-command", problem.as_rejection().reason),
            Some((decider, Ok(()))) => match self.decide(decider, command)? {
                Answer::Applied(_) | Answer::Rejected(_) => return Ok(()),
                Answer::VersionMismatch {
                    stream,
                    expected,
                    actual,
                } => {
                    let why = format!("{stream} has version {actual}, not {expected}");
                    ("version-mismatch", why)
                }
                Answer::KeyReused => {
                    let id = &command.id;
                    let why = format!("the key {id:?} belongs to another command");
                    self.conflicts.push(why);
                    return Ok(());
                }
            },
        };
        let refusal = Refusal {
            name: name.into(),
            reason: Rejection::new(why).reason,
            data: json!({}),
        };
        let (_, recorded) = decide::refuse(&mut self.table, command, refusal, self.now)?;
        self.published.extend(recorded);
        Ok(())
    }

    /// Takes what follows from an event on its way.
    fn emit(&mut self, emitted: Emitted) {
        self.incoming.extend(emitted.events);
        if let Mode::Live(live) = Mode::assumed() {
            let calls = emitted.calls.into_iter();
            self.incoming.extend(calls.map(|call| call.requested(live)));
        }
    }

    /// Makes the calls of a gateway that wait.
    pub fn call_waiting(&mut self, gateway: &str) {
        let service = self.service.clone();
        let Some(caller) = service.caller(gateway) else {
            panic!("no gateway is named {gateway:?}: register it");
        };
        let logs = self.table.streams();
        let logs = logs.filter(|stream| stream.category() == caller.category);
        for log in logs.cloned().collect::<Vec<_>>() {
            let called = self.call(caller, &log);
            self.made
                .note(&caller.origin, &log, called.map_err(|why| (1, why)));
        }
    }

    /// Makes the calls that wait in a log.
    fn call(&mut self, caller: &Caller, log: &StreamName) -> Result<(), Rejection> {
        let recorded = self.outside.call(caller, &mut self.table, log, self.now)?;
        self.published.extend(recorded);
        Ok(())
    }

    /// Decides about a command that was checked.
    ///
    /// # Errors
    ///
    /// Where there is no answer.
    pub fn decide(&mut self, decider: &Decider, command: &Command) -> Result<Answer, Rejection> {
        let (answer, recorded) = decide::decide(decider, &mut self.table, command, self.now)?;
        self.published.extend(recorded);
        Ok(answer)
    }

    /// Fires one deadline that is due now; says whether there was one.
    fn fire(&mut self) -> bool {
        let next = self.made.next(&self.refused);
        let Some(next) = next.filter(|next| next.at <= self.now) else {
            return false;
        };
        let service = self.service.clone();
        let mut runners = service.runners().iter();
        let of_journal = runners.find(|runner| runner.category == next.journal.category());
        let Some(runner) = of_journal else {
            // Its process is not registered any more.
            self.refused.insert((next.journal, next.set));
            return true;
        };
        let deadline = (next.name.as_str(), next.set);
        let (table, known) = (&mut self.table, &self.made.instances);
        let fired = journals::fire(runner, table, known, &next.journal, deadline, self.now);
        let fired = match fired {
            Ok(recorded) => {
                // Whoever reads the journal says so as well, later.
                let instance = self.made.instances.get_mut(&next.journal);
                instance.map(|instance| instance.deadlines.remove(&next.name));
                self.published.extend(recorded.into_iter().flatten());
                Ok(())
            }
            Err(why) => {
                self.refused.insert((next.journal.clone(), next.set));
                Err((next.set, why))
            }
        };
        let reader = format!("timer/{}", runner.name);
        let is_refused = self.refused.iter().any(|(of, _)| *of == next.journal);
        if fired.is_err() || !is_refused {
            self.made.note(&reader, &next.journal, fired);
        }
        true
    }
}
