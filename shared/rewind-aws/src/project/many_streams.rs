//! Projections over many streams: rows of the projection's own keys, and one
//! mark a stream that holds its watermark. A transaction holds whole events:
//! all the rows that they change and the marks of their streams.

use super::projector::{ByStream, Job, MAX_COLLISIONS, Progress, Projector, report, row_of};
use crate::{
    Error,
    aws::retry,
    data_table::{
        item_limits::exceeded,
        key::Key,
        row::{Row, Written},
        stall,
        transaction::{MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ITEMS, Write},
    },
    history::resolve::{self, Resolved},
};
use rewind::{
    Change, RecordedEvent, Rejection, StreamName,
    reversal::Effect,
    watermark::{Arrival, arrival},
};
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

/// A stream on its way into the rows: its mark as read, and its next events.
struct Run<'a> {
    stream: &'a StreamName,
    checkpoint: Row,
    /// Right behind the mark.
    entries: Vec<Entry<'a>>,
    refused: Option<Rejection>,
    /// Whether the delivery or the table holds more events than these.
    has_more: bool,
    /// The last version that was delivered.
    through: u64,
    /// The versions that were passed over.
    passed: BTreeSet<u64>,
    /// The events of which the rows say otherwise than history does.
    apart: Apart,
}

/// An event, with the rows that it touches.
struct Entry<'a> {
    resolved: Resolved<'a>,
    keys: Vec<String>,
    /// Whether it is refused and taken back later: then it is passed over.
    is_passed: bool,
}

impl Projector {
    /// Folds streams into the rows that their events touch.
    pub(super) async fn fold_together<'a>(
        &self,
        job: &Job<'_>,
        streams: &ByStream<'a>,
    ) -> Vec<(&'a StreamName, Result<Progress, Error>)> {
        let mut outcomes: BTreeMap<&'a StreamName, Result<Progress, Error>> = BTreeMap::new();
        let mut wanted: BTreeSet<&'a StreamName> = streams.keys().copied().collect();
        let mut collisions = 0;
        while !wanted.is_empty() {
            let round = match self.round(job, streams, &wanted).await {
                Ok(round) => round,
                Err(error) => {
                    fail_all(&mut outcomes, wanted, &error);
                    break;
                }
            };
            for (stream, progress) in round.progress {
                let total = outcomes.entry(stream).or_insert(Ok(Progress::default()));
                if let Ok(total) = total {
                    total.applied += progress.applied;
                    total.stalled |= progress.stalled;
                }
            }
            // A stream leaves when it has nothing new, is stalled or failed.
            for stream in &round.finished {
                wanted.remove(stream);
            }
            for (stream, error) in round.failed {
                wanted.remove(stream);
                outcomes.insert(stream, Err(error));
            }
            if round.is_stale {
                collisions += 1;
                if collisions > MAX_COLLISIONS {
                    let what = format!("rows of {}", job.target);
                    let attempts = collisions;
                    fail_all(&mut outcomes, wanted, &Error::Contended { what, attempts });
                    break;
                }
                retry::wait(collisions.min(4)).await;
            }
        }
        outcomes.into_iter().collect()
    }

    /// Reads the marks, plans one transaction that takes as many streams as
    /// fit, and writes it.
    async fn round<'a>(
        &self,
        job: &Job<'_>,
        streams: &ByStream<'a>,
        wanted: &BTreeSet<&'a StreamName>,
    ) -> Result<Round<'a>, Error> {
        let mut round = Round::default();
        // More marks than these fit no transaction.
        let some: Vec<&'a StreamName> = wanted
            .iter()
            .copied()
            .take(MAX_TRANSACTION_ITEMS - 1)
            .collect();
        let reader = job.target.to_string();
        let mark_keys: Vec<Key> = some
            .iter()
            .map(|s| Key::checkpoint(&reader, s.as_str()))
            .collect();
        let marks = self.store.rows(&mark_keys).await?;
        let mut runs = Vec::new();
        let mut touched: BTreeSet<String> = BTreeSet::new();
        // Beside the rows: a mark for each run, and the end of a stall's report.
        let mut beside = 0;
        for (stream, key) in some.into_iter().zip(&mark_keys) {
            let room = MAX_TRANSACTION_ITEMS.saturating_sub(touched.len() + beside);
            if room < 3 {
                break;
            }
            let Some(arrived) = streams.get(stream) else {
                continue;
            };
            let mark = row_of(&marks, key);
            let taken = beside + 1 + usize::from(mark.stalled.is_some());
            let run = self.run(job, stream, mark, &arrived.events, (&touched, taken));
            let run = match run.await {
                Ok(run) => run,
                Err(error) => {
                    round.failed.push((stream, error));
                    continue;
                }
            };
            match run {
                Some(run) if run.entries.is_empty() && run.refused.is_none() => {
                    // Its first event does not fit beside the others.
                    break;
                }
                Some(run) => {
                    touched.extend(run.entries.iter().flat_map(|entry| entry.keys.clone()));
                    beside = taken;
                    runs.push(run);
                }
                None => round.finished.push(stream),
            }
        }
        if runs.is_empty() {
            return Ok(round);
        }
        self.write(job, runs, touched, round).await
    }

    /// The next events of a stream and the rows that they touch, as many as fit
    /// beside `touched`. `None` where nothing is new.
    async fn run<'a>(
        &self,
        job: &Job<'_>,
        stream: &'a StreamName,
        mark: Row,
        arrived: &[&'a RecordedEvent],
        (touched, beside): (&BTreeSet<String>, usize),
    ) -> Result<Option<Run<'a>>, Error> {
        let (events, mut has_more): (Vec<Cow<'a, RecordedEvent>>, bool) =
            match arrival(mark.watermark, arrived.iter().copied()) {
                Arrival::Skip => return Ok(None),
                Arrival::Apply(run) => (run.into_iter().map(Cow::Borrowed).collect(), false),
                Arrival::Read { through } => {
                    let page = self.events.read_events(stream, mark.watermark, through);
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
        let through = arrived.iter().map(|event| event.version).max();
        let mut run = Run {
            passed: passed(&mark),
            apart: self.apart(stream, &mark).await?,
            stream,
            checkpoint: mark,
            entries: Vec::new(),
            refused: None,
            has_more: false,
            through: through.unwrap_or_default(),
        };
        let mut own: BTreeSet<String> = BTreeSet::new();
        for resolved in resolve::resolve(&self.events, events).await? {
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
            });
        }
        run.has_more = has_more;
        Ok(Some(run))
    }

    /// The events of which the rows say otherwise than history does at a mark.
    async fn apart(&self, stream: &StreamName, mark: &Row) -> Result<Apart, Error> {
        let passed = passed(mark);
        let mut apart = Apart::default();
        if passed.is_empty() {
            return Ok(apart);
        }
        let known = resolve::reversals(&self.events, stream, 0, mark.watermark).await?;
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
    async fn is_taken_back(&self, run: &Run<'_>, version: u64) -> Result<bool, Error> {
        resolve::is_taken_back(&self.events, run.stream, version, run.through).await
    }

    /// Folds the runs into their rows and writes rows and marks together. Runs
    /// that meet a refusal or outgrow the transaction are cut and folded again.
    async fn write<'a>(
        &self,
        job: &Job<'_>,
        mut runs: Vec<Run<'a>>,
        touched: BTreeSet<String>,
        mut round: Round<'a>,
    ) -> Result<Round<'a>, Error> {
        let keys: Vec<Key> = touched
            .iter()
            .map(|key| Key::row(&job.target, key))
            .collect();
        let rows = self.store.rows(&keys).await?;
        let written = loop {
            let cut = match fold_rows(job, &runs, &rows) {
                Ok(writes) => {
                    let items = beside(job, &mut runs, writes)?;
                    if items.is_empty() {
                        break Written::Done;
                    }
                    match self.store.write_together(&items).await {
                        Ok(written) => break written,
                        Err(Error::Rejected { reason, .. })
                            if runs.iter().any(|run| !run.entries.is_empty()) =>
                        {
                            let why = "the store does not take the rows that the event changes";
                            Cut::TooMuch(format!("{why}: {reason}"))
                        }
                        Err(error) => return Err(error),
                    }
                }
                Err(cut) => cut,
            };
            let (run, event, refused) = match cut {
                Cut::Refused {
                    run,
                    event,
                    refused,
                } => (run, event, refused),
                // Which of the streams, and then of its events, is too much
                // shows in halves.
                Cut::TooMuch(_) if runs.len() > 1 => {
                    runs.truncate(runs.len() / 2);
                    continue;
                }
                Cut::TooMuch(_) if runs[0].entries.len() > 1 => {
                    let half = runs[0].entries.len() / 2;
                    runs[0].cut(half);
                    continue;
                }
                Cut::TooMuch(reason) => (0, 0, Rejection::new(reason)),
            };
            let version = runs[run].entries[event].resolved.version;
            if !runs[run].entries[event].is_passed
                && self.is_taken_back(&runs[run], version).await?
            {
                runs[run].pass(event);
            } else {
                runs[run].cut(event);
                runs[run].refused = Some(refused);
                runs[run].has_more = false;
            }
        };
        if written == Written::Stale {
            round.is_stale = true;
            return Ok(round);
        }
        for run in runs {
            let progress = Progress {
                applied: run.entries.len(),
                stalled: run.refused.is_some(),
            };
            round.progress.push((run.stream, progress));
            if run.refused.is_some() || !run.has_more {
                round.finished.push(run.stream);
            }
        }
        Ok(round)
    }
}

/// The rows, and what is written beside them: the marks of the runs and the
/// reports of stalls that begin or end.
fn beside(job: &Job<'_>, runs: &mut [Run<'_>], rows: Vec<Write>) -> Result<Vec<Write>, Error> {
    let reader = job.target.to_string();
    let mut items = rows;
    let known = runs
        .iter()
        .filter(|run| run.checkpoint.stalled.is_some())
        .count();
    let mut room = MAX_TRANSACTION_ITEMS.saturating_sub(items.len() + runs.len() + known);
    for run in runs {
        let was = run.checkpoint.stalled.clone();
        if run.refused.is_some() && was.is_none() {
            // The report of a new stall may not fit beside so much else:
            // then it comes in another round, after the events before it.
            match room.checked_sub(1) {
                Some(left) => room = left,
                None => {
                    run.refused = None;
                    run.has_more = true;
                }
            }
        }
        let stalled = run.refused.as_ref().map(stall::reason);
        if run.entries.is_empty() && was == stalled {
            continue;
        }
        let mark = Row {
            state: run.passed_over(),
            watermark: run.checkpoint.watermark + run.entries.len() as u64,
            revision: run.checkpoint.revision,
            stalled,
        };
        items.extend(report(&job.target, run.stream, was.as_deref(), &mark)?);
        items.push(Write::Put {
            key: Key::checkpoint(&reader, run.stream.as_str()),
            row: mark,
            seen: run.checkpoint.revision,
        });
    }
    Ok(items)
}

/// Leaves all these streams to the next delivery.
fn fail_all<'a>(
    outcomes: &mut BTreeMap<&'a StreamName, Result<Progress, Error>>,
    streams: BTreeSet<&'a StreamName>,
    error: &Error,
) {
    let reason = error.to_string();
    for stream in streams {
        let reason = reason.clone();
        let operation = "folding";
        outcomes.insert(stream, Err(Error::Service { operation, reason }));
    }
}

/// What a round did.
#[derive(Default)]
struct Round<'a> {
    progress: Vec<(&'a StreamName, Progress)>,
    finished: Vec<&'a StreamName>,
    failed: Vec<(&'a StreamName, Error)>,
    is_stale: bool,
}

/// Why a transaction cannot be as it was planned.
enum Cut {
    /// An event of a run is refused.
    Refused {
        run: usize,
        event: usize,
        refused: Rejection,
    },
    /// Too many bytes, or what the store refuses; with the words for the event
    /// that is alone too much.
    TooMuch(String),
}

/// The rows after all runs, with the revisions that were read.
fn fold_rows(job: &Job<'_>, runs: &[Run<'_>], rows: &HashMap<Key, Row>) -> Result<Vec<Write>, Cut> {
    // The events of each row, with where they came from.
    let mut by_row: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (nth_run, run) in runs.iter().enumerate() {
        for (nth_event, entry) in run.entries.iter().enumerate() {
            for key in &entry.keys {
                by_row.entry(key).or_default().push((nth_run, nth_event));
            }
        }
    }
    let mut writes = Vec::with_capacity(by_row.len());
    let mut bytes = 0;
    for (name, places) in by_row {
        let key = Key::row(&job.target, name);
        let row = row_of(rows, &key);
        let at = |(run, event): &(usize, usize)| {
            let resolved = &runs[*run].entries[*event].resolved;
            resolved.change(job.selection)
        };
        let changes: Vec<Change<'_>> = places.iter().map(at).collect();
        let folded = job.projection.fold(name, row.state.as_ref(), &changes);
        let size = folded
            .row
            .as_ref()
            .map_or(0, |state| state.to_string().len());
        let unfit = folded.row.as_ref().and_then(exceeded);
        if unfit.is_some() && places.len() > 1 {
            // Which of the events is too much shows when they come one by one.
            return Err(Cut::TooMuch(String::new()));
        }
        if let Some(refused) = folded.rejection.or(unfit) {
            let (run, event) = places[folded.applied.min(places.len() - 1)];
            return Err(Cut::Refused {
                run,
                event,
                refused,
            });
        }
        bytes += size + name.len() + 128;
        let next = Row {
            state: folded.row,
            ..Row::default()
        };
        writes.push(Write::Put {
            key,
            row: next,
            seen: row.revision,
        });
    }
    if bytes > MAX_TRANSACTION_BYTES {
        return Err(Cut::TooMuch(format!(
            "the rows that the event changes take more than {MAX_TRANSACTION_BYTES} bytes together"
        )));
    }
    Ok(writes)
}

impl<'a> Run<'a> {
    /// The rows that an event touches; none where it does not count.
    fn keys(&self, job: &Job<'_>, resolved: &Resolved<'_>) -> Result<Vec<String>, Rejection> {
        let counts = resolved.change(job.selection) != Change::Pass;
        match counts && !self.apart.holds(resolved.root.version) {
            true => job.projection.keys(&resolved.root),
            false => Ok(Vec::new()),
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
    fn pass(&mut self, nth: usize) {
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
    fn cut(&mut self, count: usize) {
        for cut in self.entries.drain(count..).filter(|entry| entry.is_passed) {
            self.passed.remove(&cut.resolved.version);
        }
        self.refused = None;
        self.has_more = true;
    }

    /// What the mark says of them.
    fn passed_over(&self) -> Option<Value> {
        let is_any = !self.passed.is_empty();
        is_any.then(|| json!({ "passed": self.passed }))
    }
}

/// The events of which rows say otherwise than history does: a version that was
/// passed over would have put one in, or taken it out. The next version that
/// does something to the event finds it done.
#[derive(Debug, Clone, Default)]
pub(crate) struct Apart(BTreeSet<u64>);

impl Apart {
    /// Whether the rows say otherwise of the event at a version: what comes
    /// next to it then changes nothing.
    pub fn holds(&self, root: u64) -> bool {
        self.0.contains(&root)
    }

    /// A version does something to an event, or was passed over.
    pub fn follow(&mut self, root: u64, is_passed: bool) {
        match is_passed {
            true => self.0.insert(root),
            false => self.0.remove(&root),
        };
    }
}

/// The versions that a mark says were passed over.
pub(crate) fn passed(mark: &Row) -> BTreeSet<u64> {
    let state = mark.state.as_ref().map(|state| &state["passed"]);
    let versions = state.and_then(Value::as_array).into_iter().flatten();
    versions.filter_map(Value::as_u64).collect()
}
