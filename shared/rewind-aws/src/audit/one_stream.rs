//! A visit to one stream: its line of commits, its identities, its entries of
//! the index, and what each reader made of it.

use super::{
    claims::Candidates,
    line::Line,
    look::{Run, locked},
    pages::{Pages, begins_with},
    readers::{Generation, Way},
    report::{Kind, Violation},
    standing::Standing,
    state::{shown, stored_form},
    tally::Tally,
};
use crate::{
    Error,
    data_table::row::Row,
    event_table::event_store::EventStore,
    history::resolve::{self, Subject},
};
use rewind::{Change, Projection, RecordedEvent, Rejection, StreamName, reversal::Reversals};
use serde_json::Value;
use std::{borrow::Cow, sync::Mutex};

/// A row that is folded anew, up to the watermark of the stored one.
struct Fold<'a> {
    stored: &'a Standing<'a>,
    generation: &'a Generation,
    state: Option<Value>,
    reached: u64,
    refused: Option<Rejection>,
}

impl Run<'_> {
    /// Looks at everything about a stream, if it begins with the version by
    /// which it was found.
    pub(super) async fn visit(
        &self,
        stream: &StreamName,
        found: u64,
        tally: &Mutex<Tally>,
    ) -> Result<(), Error> {
        // The rows come first: whatever they hold is in the table then.
        let standings = self.standings(stream, |_| true, true).await?;
        let mut folds: Vec<Fold<'_>> = standings.iter().filter_map(Fold::of).collect();
        let mut line = Line::new();
        let mut candidates = Candidates::default();
        let mut pages = Pages::of(&self.events, stream);
        let mut is_first = true;
        let mut reversals = Reversals::default();
        let mut log: Vec<RecordedEvent> = Vec::new();
        while let Some(items) = pages.next().await? {
            if is_first && !begins_with(&items, found) {
                return Ok(());
            }
            is_first = false;
            let page = self.follow(stream, &mut line, &items);
            self.check_partitions(stream, &page.commits, &items).await?;
            self.check_claims(stream, &page, &mut candidates).await?;
            if self.is_log(stream) {
                log.extend(page.events.iter().cloned());
            }
            for fold in &mut folds {
                fold.take(&page.events);
            }
            page.events.iter().for_each(|event| reversals.note(event));
            let resolved = page.events.iter().map(Cow::Borrowed).collect();
            let resolved = match resolve::resolve(&self.events, resolved).await {
                // What a reversal names lies in a gap, which is named below.
                Err(Error::Damaged { .. }) => Vec::new(),
                resolved => resolved?,
            };
            self.tally(&standings, &resolved, tally, true);
            let undeclared = page.events.iter();
            let undeclared = undeclared.filter(|event| self.service.is_undeclared(event));
            self.count(|counts| {
                for event in undeclared {
                    let (category, event_type) = (stream.category(), event.event_type());
                    let name = format!("{category}/{event_type}");
                    *counts.undeclared.entry(name).or_default() += 1;
                }
                counts.commits += page.commits.len() as u64;
                counts.events += page.events.len() as u64;
            });
        }
        if !line.is_broken {
            self.check_log(stream, &log);
        }
        self.look_again(stream, &mut candidates).await?;
        locked(&self.streams).insert(stream.as_str());
        self.count(|counts| counts.streams += 1);
        if !reversals.is_empty() {
            // What was taken back was known only now.
            for fold in &mut folds {
                match fold.again(&self.events, stream).await {
                    // It was named above, and the row is not to blame.
                    Err(Error::Damaged { .. }) => line.is_broken = true,
                    outcome => outcome?,
                }
            }
        }
        for standing in &standings {
            self.check_watermark(stream, standing, line.head());
        }
        // A row behind a commit that cannot be read is not this row's fault.
        for fold in folds.iter().filter(|_| !line.is_broken) {
            self.check_row(stream, fold);
        }
        Ok(())
    }

    fn check_watermark(&self, stream: &StreamName, standing: &Standing<'_>, head: u64) {
        let row = &standing.row;
        self.count(|counts| {
            counts.lagging += u64::from(standing.reader.is_live && row.watermark < head);
            counts.stalled += u64::from(row.stalled.is_some());
        });
        if row.watermark > head && standing.reader.has_watermarks() {
            let kind = match standing.reader.way {
                Way::OneRow(_) => Kind::RowAhead,
                Way::SharedRows(_) | Way::Reaction => Kind::CheckpointAhead,
            };
            let place = format!("{}/{}", standing.reader.name, standing.key.sk);
            let expected = format!("at most {head}, the head of {stream}");
            self.violation(Violation::new(kind, place, expected, row.watermark));
        }
    }

    fn check_row(&self, stream: &StreamName, fold: &Fold<'_>) {
        let stored = fold.stored;
        let place = format!("{}/{}", stored.reader.name, stored.key.sk);
        let watermark = stored.row.watermark;
        if let Some(refused) = &fold.refused {
            let expected = format!("the fold of {stream} up to {watermark}");
            let found = format!(
                "version {}, which is in the row, is refused: {refused}",
                fold.reached + 1
            );
            self.violation(Violation::new(Kind::RowDiffers, place, expected, found));
            return;
        }
        let expected = fold.state.clone().map(stored_form);
        if expected != stored.row.state {
            let expected = format!("at {watermark} {}", shown(expected.as_ref()));
            let found = shown(stored.row.state.as_ref());
            self.violation(Violation::new(Kind::RowDiffers, place, expected, found));
        } else {
            self.check_secondary(&fold.generation.projection, place, &stored.row);
        }
    }

    /// Checks that a row, which is right, is found by its secondary key.
    pub(super) fn check_secondary(&self, projection: &Projection, place: String, row: &Row) {
        let Some(key) = &projection.secondary_key else {
            return;
        };
        let expected = projection.secondary(row.state.as_ref());
        if expected.as_ref().ok() != Some(&row.secondary) {
            let shown = |value: Option<&String>| match value {
                Some(value) => format!("found by {} {value:?}", key.name),
                None => format!("not found by {}", key.name),
            };
            let expected = match &expected {
                Ok(value) => shown(value.as_ref()),
                Err(refused) => refused.to_string(),
            };
            let found = shown(row.secondary.as_ref());
            self.violation(Violation::new(Kind::RowDiffers, place, expected, found));
        }
    }
}

impl<'a> Fold<'a> {
    fn of(stored: &'a Standing<'a>) -> Option<Self> {
        match &stored.reader.way {
            Way::OneRow(generation) if stored.reader.outdated.is_none() => Some(Self {
                stored,
                generation,
                state: None,
                reached: 0,
                refused: None,
            }),
            Way::OneRow(_) | Way::SharedRows(_) | Way::Reaction => None,
        }
    }

    fn take(&mut self, events: &[RecordedEvent]) {
        if self.refused.is_some() {
            return;
        }
        let range = self.reached + 1..=self.stored.row.watermark;
        let run: Vec<&RecordedEvent> = events
            .iter()
            .filter(|event| range.contains(&event.version))
            .collect();
        let Some(last) = run.last() else {
            return;
        };
        let changes = run.iter().map(|event| {
            let mut selection = self.generation.selection.iter();
            match selection.all(|selection| selection.takes(event)) {
                true => Change::Apply(event),
                false => Change::Pass,
            }
        });
        let changes: Vec<Change<'_>> = changes.collect();
        let projection = &self.generation.projection;
        let folded = projection.fold(&self.stored.key.sk, self.state.as_ref(), &changes);
        self.reached = match folded.rejection {
            Some(_) => run[folded.applied].version - 1,
            None => last.version,
        };
        self.state = folded.row;
        self.refused = folded.rejection;
    }

    /// Folds the stream once more, without what was taken back.
    async fn again(&mut self, events: &EventStore, stream: &StreamName) -> Result<(), Error> {
        let subject = Subject {
            projection: &self.generation.projection,
            stream,
            key: &self.stored.key.sk,
            selection: self.generation.selection.as_ref(),
        };
        let folded = resolve::fold(events, subject, self.stored.row.watermark).await?;
        self.state = folded.state;
        self.reached = folded.watermark;
        self.refused = folded.refused;
        Ok(())
    }
}
