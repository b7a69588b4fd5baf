//! A run of a stream's events on its way into rows that streams share: how many
//! fit one transaction, which rows they touch, and which are passed over.

use super::{
    apart::{Apart, passed},
    projector::{Job, Projector},
    told::told,
};
use crate::{
    Error,
    data_table::{row::Row, transaction::MAX_TRANSACTION_ITEMS},
    history::resolve::{self, Resolved},
};
use rewind::{
    Cause, Change, RecordedEvent, Rejection, StreamName,
    reversal::Effect,
    watermark::{Arrival, arrival},
};
use serde_json::{Map, Value, json};
use std::{borrow::Cow, collections::BTreeSet};

/// A stream on its way into the rows: its checkpoint as read, and its next events.
pub(super) struct Run<'a> {
    pub stream: &'a StreamName,
    pub checkpoint: Row,
    /// Right behind the checkpoint.
    pub entries: Vec<Entry<'a>>,
    pub refused: Option<Rejection>,
    /// Whether the delivery or the table holds more events than these.
    pub has_more: bool,
    /// The last version that is known to be recorded.
    pub through: u64,
    /// The versions that were passed over.
    pub passed: BTreeSet<u64>,
    /// The events of which the rows say otherwise than history does.
    pub apart: Apart,
}

/// An event, with the rows that it touches.
pub(super) struct Entry<'a> {
    pub resolved: Resolved<'a>,
    pub keys: Vec<String>,
    /// Whether it is refused and taken back later: then it is passed over.
    pub is_passed: bool,
    /// The event as the cause of changes, where those are told.
    pub cause: Option<Cause>,
}

impl Projector {
    /// The next events of a stream and the rows that they touch, as many as fit
    /// beside `touched`. `None` where nothing is new.
    pub(super) async fn run<'a>(
        &self,
        job: &Job<'_>,
        stream: &'a StreamName,
        checkpoint: Row,
        arrived: &[&'a RecordedEvent],
        (touched, beside): (&BTreeSet<String>, usize),
    ) -> Result<Option<Run<'a>>, Error> {
        let head = told(&self.events, stream, &checkpoint).await?;
        let (events, mut has_more): (Vec<Cow<'a, RecordedEvent>>, bool) =
            match arrival(checkpoint.watermark, head, arrived.iter().copied()) {
                Arrival::Skip => return Ok(None),
                Arrival::Apply(run) => (run.into_iter().map(Cow::Borrowed).collect(), false),
                Arrival::Read { through } => {
                    let page = self
                        .events
                        .read_events(stream, checkpoint.watermark, through);
                    let (events, has_more) = page.await?;
                    if events.is_empty() {
                        return Err(Error::Damaged {
                            what: format!("stream {stream}"),
                            reason: format!("{through} was published and is not in the table"),
                        });
                    }
                    (events.into_iter().map(Cow::Owned).collect(), has_more)
                }
            };
        let through = arrived.iter().map(|event| event.version).chain(head).max();
        let mut run = Run {
            passed: passed(&checkpoint),
            apart: self.apart(stream, &checkpoint).await?,
            stream,
            checkpoint,
            entries: Vec::new(),
            refused: None,
            has_more: false,
            through: through.unwrap_or_default(),
        };
        let mut own: BTreeSet<String> = BTreeSet::new();
        let tells = job.projection.feed.is_some();
        let causes = events.iter().filter(|_| tells);
        let causes: Vec<Cause> = causes.map(|event| Cause::of(event)).collect();
        let mut causes = causes.into_iter();
        for resolved in resolve::resolve(&self.events, events).await? {
            let cause = causes.next();
            let version = resolved.version;
            let (keys, is_passed) = match run.keys(job, &resolved) {
                Ok(keys) => (keys, false),
                Err(_) if self.is_taken_back(&run, version).await? => (Vec::new(), true),
                Err(refused) => {
                    run.refused = Some(refused);
                    has_more = false;
                    break;
                }
            };
            let new = keys.iter().filter(|key| !touched.contains(*key));
            own.extend(new.cloned());
            if touched.len() + own.len() + beside > MAX_TRANSACTION_ITEMS {
                has_more = true;
                break;
            }
            run.take(Entry {
                resolved,
                keys,
                is_passed,
                cause,
            });
        }
        run.has_more = has_more;
        Ok(Some(run))
    }

    /// The events of which the rows say otherwise than history does at a checkpoint.
    async fn apart(&self, stream: &StreamName, checkpoint: &Row) -> Result<Apart, Error> {
        let passed = passed(checkpoint);
        let mut apart = Apart::default();
        if passed.is_empty() {
            return Ok(apart);
        }
        let known = resolve::reversals(&self.events, stream, 0, checkpoint.watermark).await?;
        let versions = known.versions().chain(passed.iter().copied());
        for version in versions.collect::<BTreeSet<u64>>() {
            let effect = known.effect(version);
            if !matches!(effect, Some(Effect::Nothing(_))) {
                let root = effect.map_or(version, Effect::root);
                apart.follow(root, passed.contains(&version));
            }
        }
        Ok(apart)
    }

    /// Whether an event that is refused is taken back by what was delivered
    /// behind it.
    pub(super) async fn is_taken_back(&self, run: &Run<'_>, version: u64) -> Result<bool, Error> {
        resolve::is_taken_back(&self.events, run.stream, version, run.through).await
    }
}

impl<'a> Run<'a> {
    /// The rows that an event touches; none where it does not count.
    fn keys(&self, job: &Job<'_>, resolved: &Resolved<'_>) -> Result<Vec<String>, Rejection> {
        let counts = resolved.change(job.selection) != Change::Pass;
        if !counts || self.apart.holds(resolved.root.version) {
            return Ok(Vec::new());
        }
        match resolved.refused() {
            Some(undecoded) => Err(undecoded),
            None => job.projection.keys(&resolved.root),
        }
    }

    fn take(&mut self, entry: Entry<'a>) {
        let (root, is_passed) = (entry.resolved.root.version, entry.is_passed);
        if is_passed {
            self.passed.insert(entry.resolved.version);
        }
        if !entry.resolved.does_nothing() {
            self.apart.follow(root, is_passed);
        }
        self.entries.push(entry);
    }

    /// Leaves an event out that is refused and taken back later. What the next
    /// version would do to it has then happened already.
    pub fn pass(&mut self, nth: usize) {
        let entry = &mut self.entries[nth];
        entry.keys.clear();
        entry.is_passed = true;
        let root = entry.resolved.root.version;
        self.passed.insert(entry.resolved.version);
        let mut later = self.entries[nth + 1..].iter_mut();
        let next = later.find(|entry| {
            let resolved = &entry.resolved;
            resolved.root.version == root && !resolved.does_nothing()
        });
        if let Some(next) = next {
            next.keys.clear();
        }
    }

    /// Leaves only the first so many events; the rest comes in another round.
    pub fn cut(&mut self, count: usize) {
        for cut in self.entries.drain(count..).filter(|entry| entry.is_passed) {
            self.passed.remove(&cut.resolved.version);
        }
        self.refused = None;
        self.has_more = true;
    }

    /// What the checkpoint says: which events were passed over, and which rows
    /// have changed, out of `changed`, so that it has to be told.
    pub fn said(&self, changed: &BTreeSet<String>) -> Option<Value> {
        let touched = self.entries.iter().flat_map(|entry| &entry.keys);
        let untold: BTreeSet<&String> = touched.filter(|key| changed.contains(*key)).collect();
        let mut said = Map::new();
        if !self.passed.is_empty() {
            said.insert("passed".into(), json!(self.passed));
        }
        if !untold.is_empty() {
            said.insert("untold".into(), json!(untold));
        }
        (!said.is_empty()).then_some(Value::Object(said))
    }
}
