//! The next row of one stream: its new events folded into the row, or the
//! stream folded again from its first event.

use crate::{
    Error,
    data_table::{data_store::DataStore, kept_fold::KeptFold, key::Key, row::Row, stall},
    event_table::event_store::EventStore,
    history::resolve::{self, Fold, Refolded, Resolved, Subject, fold_sized},
};
use rewind::{Change, RecordedEvent, Rejection, Target};
use serde_json::Value;
use std::borrow::Cow;

/// A row after some events.
pub(super) struct Next {
    pub row: Row,
    /// How many events more than before it holds.
    pub applied: usize,
    /// The fold that was kept for it, to be deleted when it is written.
    pub kept: Option<Key>,
}

/// What a row of one stream is folded from.
pub(super) struct RowFold<'a> {
    pub events: &'a EventStore,
    pub store: &'a DataStore,
    pub subject: Subject<'a>,
    pub target: &'a Target,
    /// The last version that was delivered.
    pub delivered: u64,
    /// Pages that are folded before the row is written, or a fold is kept.
    pub pages_a_write: usize,
}

impl RowFold<'_> {
    /// Folds the events from the row's watermark up to `through`, read from the
    /// events table page by page, as far as one write goes.
    pub async fn read(&self, row: &Row, through: u64) -> Result<Next, Error> {
        let stream = self.subject.stream;
        let mut next = after(row, row.state.clone(), 0, None);
        for _ in 0..self.pages_a_write {
            let page = self.events.read_events(stream, next.row.watermark, through);
            let (events, has_more) = page.await?;
            let events = events.into_iter().map(Cow::Owned).collect();
            let page = self.run(&next.row, events).await?;
            next = Next {
                row: page.row,
                applied: next.applied + page.applied,
                kept: page.kept.or(next.kept),
            };
            if next.row.stalled.is_some() {
                return Ok(next);
            }
            if !has_more {
                if next.row.watermark < through {
                    return Err(Error::Damaged {
                        what: format!("stream {stream}"),
                        reason: format!("{through} was published and is not in the table"),
                    });
                }
                return Ok(next);
            }
        }
        Ok(next)
    }

    /// Folds a run of events that follows the row's watermark. An event that is
    /// refused, and taken back by a version up to `delivered`, is left out.
    pub async fn run(&self, row: &Row, run: Vec<Cow<'_, RecordedEvent>>) -> Result<Next, Error> {
        let Some(mut through) = run.last().map(|event| event.version) else {
            return Ok(after(row, row.clone().state, 0, None));
        };
        let mut resolved = resolve::resolve(self.events, run).await?;
        // A reversal that cannot be decoded is refused, unless it is taken back.
        let selection = self.subject.selection;
        let is_unknown = |one: &Resolved<'_>| {
            one.change(selection) != Change::Pass && !one.is_reversal() && one.refused().is_some()
        };
        let unknown = resolved.iter().position(is_unknown);
        let mut undecoded = None;
        if let Some(nth) = unknown {
            undecoded = resolved[nth].refused();
            resolved.truncate(nth);
            through = row.watermark + nth as u64;
        }
        // What is restored belongs at its old place, and what is taken back
        // before it was ever folded in may be what cannot be folded.
        let is_old = |one: &Resolved<'_>| !one.is_restored() && one.root.version <= row.watermark;
        let mut reversals = resolved.iter().filter(|one| one.is_reversal());
        if !reversals.all(is_old) {
            return self.again(row, through).await;
        }
        let changes: Vec<Change<'_>> = resolved.iter().map(|one| one.change(selection)).collect();
        let folded = fold_sized(self.subject, row.state.as_ref(), &changes);
        if folded.fold_again {
            return self.again(row, through).await;
        }
        let refused = folded.rejection.or(undecoded);
        let refused_at = row.watermark + folded.applied as u64 + 1;
        if refused.is_some() && self.delivered > through {
            let (stream, delivered) = (self.subject.stream, self.delivered);
            if resolve::is_taken_back(self.events, stream, refused_at, delivered).await? {
                return self.again(row, delivered).await;
            }
        }
        Ok(after(row, folded.row, folded.applied, refused))
    }

    /// Folds the stream from its first event on, without what was taken back.
    /// A long fold is kept now and then, and goes on from there when the
    /// delivery comes again.
    pub async fn again(&self, row: &Row, through: u64) -> Result<Next, Error> {
        let mut fold = Fold::new(self.events, self.subject, through, None).await?;
        let key = Key::kept_fold(self.target, self.subject.key);
        let mut kept = None;
        // A page holds an event at least: a shorter fold is never kept.
        if through >= self.pages_a_write as u64
            && let Some(found) = self.store.kept_fold(&key).await?
        {
            fold.resume(found.state, found.watermark, &found.of);
            kept = Some(key.clone());
        }
        for nth in 1.. {
            if fold.page().await? {
                break;
            }
            if nth % self.pages_a_write == 0 {
                self.keep(&key, &fold).await;
                kept = Some(key.clone());
            }
        }
        let next = Self::refolded(row, fold.finish());
        Ok(Next { kept, ..next })
    }

    /// Keeps a fold that is under way. Where that fails, it only takes longer
    /// after the end of the invocation.
    async fn keep(&self, key: &Key, fold: &Fold<'_>) {
        let (state, watermark) = fold.reached();
        let kept = KeptFold {
            state: state.cloned(),
            watermark,
            of: fold.fingerprint(watermark),
        };
        if let Err(error) = self.store.keep_fold(key, &kept).await {
            let (target, stream) = (self.target, self.subject.stream);
            tracing::warn!(%target, %stream, %error, "a fold under way is not kept");
        }
    }

    /// What a fold from the first event on makes of a row.
    fn refolded(row: &Row, folded: Refolded) -> Next {
        let Some(applied) = folded.watermark.checked_sub(row.watermark) else {
            // An event that the row holds is refused now: the row stays.
            let (at, reason) = (folded.watermark + 1, folded.refused.unwrap_or_default());
            let reason = format!(
                "to take an event back the stream was folded again, and version {at}, which the row holds, is refused: {reason}"
            );
            return after(row, row.state.clone(), 0, Some(Rejection::new(reason)));
        };
        after(row, folded.state, applied as usize, folded.refused)
    }
}

/// The row after some events, and why the next one is not in it.
pub(super) fn after(
    row: &Row,
    state: Option<Value>,
    applied: usize,
    refused: Option<Rejection>,
) -> Next {
    Next {
        row: Row {
            state,
            watermark: row.watermark + applied as u64,
            revision: row.revision,
            stalled: refused.as_ref().map(stall::reason),
            telling: row.telling.clone(),
            secondary: row.secondary.clone(),
        },
        applied,
        kept: None,
    }
}
