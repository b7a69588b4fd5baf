//! One transaction of rows that streams share: runs of several streams folded
//! into their rows, and the rows written with the streams' checkpoints.

use super::{
    feed,
    projector::{Job, Progress, Projector, report, row_of},
    stream_run::Run,
};
use crate::{
    Error,
    data_table::{
        item_limits::exceeded,
        key::Key,
        row::{Row, Written},
        stall,
        telling::Telling,
        transaction::{MAX_TRANSACTION_BYTES, MAX_TRANSACTION_ITEMS, Write},
    },
};
use rewind::{Change, Rejection, StreamName};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a round did.
#[derive(Default)]
pub(super) struct Round<'a> {
    pub progress: Vec<(&'a StreamName, Progress)>,
    pub finished: Vec<&'a StreamName>,
    pub failed: Vec<(&'a StreamName, Error)>,
    pub is_stale: bool,
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

impl Projector {
    /// Folds the runs into their rows and writes rows and checkpoints together. Runs
    /// that meet a refusal or outgrow the transaction are cut and folded again.
    pub(super) async fn write<'a>(
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
        let rows = self.rows.rows(&keys).await?;
        let Some(rows) = self.take_all(job, &keys, rows).await? else {
            round.is_stale = true;
            return Ok(round);
        };
        let (written, items, changed) = loop {
            let cut = match fold_rows(job, &runs, &rows) {
                Ok(writes) => {
                    let changed = writes.len();
                    let items = beside(job, &mut runs, writes)?;
                    if items.is_empty() {
                        break (Written::Done, items, 0);
                    }
                    match self.rows.write_together(&items).await {
                        Ok(written) => break (written, items, changed),
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
        self.tally.wrote(changed, 0);
        self.publish_written(job, &items).await?;
        for run in runs {
            let applied = run.entries.len();
            self.tally.wrote(0, applied);
            let next = run.checkpoint.watermark + applied as u64 + 1;
            let progress = Progress {
                stalled: run.refused.as_ref().map(|_| next),
            };
            round.progress.push((run.stream, progress));
            if run.refused.is_some() || !run.has_more {
                round.finished.push(run.stream);
            }
        }
        Ok(round)
    }
}

/// The rows, and what is written beside them: the checkpoints of the runs and the
/// reports of stalls that begin or end.
fn beside(job: &Job<'_>, runs: &mut [Run<'_>], rows: Vec<Write>) -> Result<Vec<Write>, Error> {
    let reader = job.target.to_string();
    let changed = rows.iter().filter_map(|write| match write {
        Write::Put { key, row, .. } if matches!(row.telling, Telling::Change(_)) => {
            Some(key.sk.clone())
        }
        _ => None,
    });
    let changed: BTreeSet<String> = changed.collect();
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
        let stalled = match &run.refused {
            Some(refused) => Some(stall::reason(refused)),
            // It is on its way to the end, and has to go on if it dies here.
            None if run.has_more => was.clone(),
            None => None,
        };
        if run.entries.is_empty() && was == stalled {
            continue;
        }
        let checkpoint = Row {
            state: run.said(&changed),
            watermark: run.checkpoint.watermark + run.entries.len() as u64,
            revision: run.checkpoint.revision,
            stalled,
            ..Row::default()
        };
        items.extend(report(
            &job.target,
            run.stream,
            was.as_deref(),
            &checkpoint,
        )?);
        items.push(Write::Put {
            key: Key::checkpoint(&reader, run.stream.as_str()),
            row: checkpoint,
            seen: run.checkpoint.revision,
        });
    }
    Ok(items)
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
        let last = places.last();
        let cause = last.and_then(|(run, event)| runs[*run].entries[*event].cause.as_ref());
        let after = Row {
            state: folded.row,
            ..Row::default()
        };
        let (next, unfit) = match (feed::told(job, name, &row, after, cause), unfit) {
            (Ok(next), unfit) => (next, unfit),
            (Err(refused), unfit) => (Row::default(), unfit.or(Some(refused))),
        };
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
        if let Telling::Change(change) = &next.telling {
            let old = change.old.row.as_ref();
            bytes += old.map_or(0, |old| old.to_string().len()) + 512;
        }
        bytes += size + name.len() + 128;
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
