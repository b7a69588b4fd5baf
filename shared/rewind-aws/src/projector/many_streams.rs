//! Projections over many streams: rows of the projection's own keys, and one
//! mark a stream that holds its watermark. A transaction holds whole events:
//! all the rows that they change and the marks of their streams.

use super::{ByStream, MAX_COLLISIONS, Progress, Projector, report, row_of, too_large};
use crate::{
    Error,
    data_store::{
        Key, MAX_ROW_BYTES, MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ITEMS, Row, Write, Written,
    },
    retry,
};
use rewind::{
    Recorded, Refused, StreamName, Target,
    projection::FoldRow,
    watermark::{Step, step},
};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, HashMap},
};

/// The rows that an event touches.
type Keys = fn(&Recorded) -> Result<Vec<String>, Refused>;

/// How the rows of one projection's generation come about.
#[derive(Clone, Copy)]
struct Folding<'a> {
    target: &'a Target,
    keys: Keys,
    row: FoldRow,
}

/// A stream on its way into the rows: its mark as read, and its next events.
struct Run<'a> {
    stream: &'a StreamName,
    mark: Row,
    /// Right behind the mark, with the rows that each touches.
    events: Vec<(Cow<'a, Recorded>, Vec<String>)>,
    refused: Option<Refused>,
    /// Whether the delivery or the table holds more events than these.
    has_more: bool,
}

impl Projector {
    /// Folds streams into the rows that their events touch.
    pub(super) async fn fold_together<'a>(
        &self,
        target: &Target,
        keys: Keys,
        row: FoldRow,
        streams: &ByStream<'a>,
    ) -> Vec<(&'a StreamName, Result<Progress, Error>)> {
        let folding = Folding { target, keys, row };
        let mut outcomes: BTreeMap<&'a StreamName, Result<Progress, Error>> = BTreeMap::new();
        let mut wanted: BTreeSet<&'a StreamName> = streams.keys().copied().collect();
        let mut collisions = 0;
        while !wanted.is_empty() {
            let round = match self.round(folding, streams, &wanted).await {
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
                    let what = format!("rows of {target}");
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
        folding: Folding<'_>,
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
        let reader = folding.target.to_string();
        let mark_keys: Vec<Key> = some
            .iter()
            .map(|s| Key::mark(&reader, s.as_str()))
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
            let run = self.run(folding, stream, mark, &arrived.events, (&touched, taken));
            let run = match run.await {
                Ok(run) => run,
                Err(error) => {
                    round.failed.push((stream, error));
                    continue;
                }
            };
            match run {
                Some(run) if run.events.is_empty() && run.refused.is_none() => {
                    // Its first event does not fit beside the others.
                    break;
                }
                Some(run) => {
                    touched.extend(run.events.iter().flat_map(|(_, keys)| keys.clone()));
                    beside = taken;
                    runs.push(run);
                }
                None => round.finished.push(stream),
            }
        }
        if runs.is_empty() {
            return Ok(round);
        }
        self.write(folding, runs, touched, round).await
    }

    /// The next events of a stream and the rows that they touch, as many as fit
    /// beside `touched`. `None` where nothing is new.
    async fn run<'a>(
        &self,
        folding: Folding<'_>,
        stream: &'a StreamName,
        mark: Row,
        arrived: &[&'a Recorded],
        (touched, beside): (&BTreeSet<String>, usize),
    ) -> Result<Option<Run<'a>>, Error> {
        let (events, mut has_more): (Vec<Cow<'a, Recorded>>, bool) =
            match step(mark.watermark, arrived.iter().copied()) {
                Step::Skip => return Ok(None),
                Step::Apply(run) => (run.into_iter().map(Cow::Borrowed).collect(), false),
                Step::Read { through } => {
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
        let mut own: BTreeSet<String> = BTreeSet::new();
        let mut taken = Vec::new();
        let mut refused = None;
        for event in events {
            match (folding.keys)(&event) {
                Ok(keys) => {
                    let new = keys.iter().filter(|key| !touched.contains(*key));
                    own.extend(new.cloned());
                    if touched.len() + own.len() + beside > MAX_TRANSACTION_ITEMS {
                        has_more = true;
                        break;
                    }
                    taken.push((event, keys));
                }
                Err(reason) => {
                    refused = Some(reason);
                    break;
                }
            }
        }
        Ok(Some(Run {
            stream,
            mark,
            events: taken,
            refused,
            has_more,
        }))
    }

    /// Folds the runs into their rows and writes rows and marks together. Runs
    /// that meet a refusal or outgrow the transaction are cut and folded again.
    async fn write<'a>(
        &self,
        folding: Folding<'_>,
        mut runs: Vec<Run<'a>>,
        touched: BTreeSet<String>,
        mut round: Round<'a>,
    ) -> Result<Round<'a>, Error> {
        let keys: Vec<Key> = touched
            .iter()
            .map(|key| Key::row(folding.target, key))
            .collect();
        let rows = self.store.rows(&keys).await?;
        let writes = loop {
            match fold_rows(folding, &runs, &rows) {
                Ok(writes) => break writes,
                Err(Cut::Refused {
                    run,
                    event,
                    refused,
                }) => {
                    runs[run].events.truncate(event);
                    runs[run].refused = Some(refused);
                    runs[run].has_more = false;
                }
                Err(Cut::TooMuch) if runs.len() > 1 => runs.truncate(runs.len() / 2),
                Err(Cut::TooMuch) if runs[0].events.len() > 1 => {
                    let half = runs[0].events.len() / 2;
                    runs[0].events.truncate(half);
                    runs[0].refused = None;
                    runs[0].has_more = true;
                }
                Err(Cut::TooMuch) => {
                    runs[0].events.clear();
                    runs[0].refused = Some(Refused::new(format!(
                        "the rows that the event changes take more than {MAX_TRANSACTION_BYTES} bytes together"
                    )));
                }
            }
        };
        let reader = folding.target.to_string();
        let mut items = writes;
        let known = runs.iter().filter(|run| run.mark.stalled.is_some()).count();
        let mut room = MAX_TRANSACTION_ITEMS.saturating_sub(items.len() + runs.len() + known);
        for run in &mut runs {
            let was = run.mark.stalled.clone();
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
            let stalled = run.refused.as_ref().map(|refused| refused.reason.clone());
            if run.events.is_empty() && was == stalled {
                continue;
            }
            let mark = Row {
                state: None,
                watermark: run.mark.watermark + run.events.len() as u64,
                revision: run.mark.revision,
                stalled,
            };
            items.extend(report(folding.target, run.stream, was.as_deref(), &mark)?);
            items.push(Write::Put {
                key: Key::mark(&reader, run.stream.as_str()),
                row: mark,
                seen: run.mark.revision,
            });
        }
        if !items.is_empty() && self.store.write_together(&items).await? == Written::Stale {
            round.is_stale = true;
            return Ok(round);
        }
        for run in runs {
            let progress = Progress {
                applied: run.events.len(),
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
        refused: Refused,
    },
    /// Too many bytes.
    TooMuch,
}

/// The rows after all runs, with the revisions that were read.
fn fold_rows(
    folding: Folding<'_>,
    runs: &[Run<'_>],
    rows: &HashMap<Key, Row>,
) -> Result<Vec<Write>, Cut> {
    // The events of each row, with where they came from.
    let mut by_row: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    for (nth_run, run) in runs.iter().enumerate() {
        for (nth_event, (_, keys)) in run.events.iter().enumerate() {
            for key in keys {
                by_row.entry(key).or_default().push((nth_run, nth_event));
            }
        }
    }
    let mut writes = Vec::with_capacity(by_row.len());
    let mut bytes = 0;
    for (name, places) in by_row {
        let key = Key::row(folding.target, name);
        let row = row_of(rows, &key);
        let at = |(run, event): &(usize, usize)| runs[*run].events[*event].0.as_ref();
        let events: Vec<&Recorded> = places.iter().map(at).collect();
        let folded = (folding.row)(name, row.state.as_ref(), &events);
        let size = folded
            .row
            .as_ref()
            .map_or(0, |state| state.to_string().len());
        let is_too_large = size > MAX_ROW_BYTES;
        if is_too_large && places.len() > 1 {
            // Which of the events is too much shows when they come one by one.
            return Err(Cut::TooMuch);
        }
        let refused = folded
            .refused
            .or_else(|| is_too_large.then(|| too_large(size)));
        if let Some(refused) = refused {
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
        return Err(Cut::TooMuch);
    }
    Ok(writes)
}
