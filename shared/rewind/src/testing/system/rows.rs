//! Rows: what projections have folded, and how far.

use super::table::Table;
use crate::{
    Change, Folded, Over, Projection, RecordedEvent, Rejection, StreamName, reversal::Effect,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

/// The rows of all projections.
#[derive(Debug, Default, Clone)]
pub(super) struct Rows(BTreeMap<&'static str, Kept>);

#[derive(Debug, Default, Clone)]
struct Kept {
    rows: BTreeMap<String, Value>,
    watermarks: BTreeMap<StreamName, u64>,
    /// Events that were refused and taken back later, so that shared rows do
    /// not hold them.
    passed: BTreeSet<(StreamName, u64)>,
    /// The rows that the last fold has changed, as they were before it.
    before: BTreeMap<String, Option<Value>>,
}

/// A row that a fold has changed.
#[derive(Debug)]
pub(super) struct Moved {
    pub key: String,
    pub old: Option<Value>,
    pub new: Option<Value>,
}

impl Rows {
    /// The rows of a projection, by key.
    pub fn of(&self, projection: &str) -> Option<&BTreeMap<String, Value>> {
        self.0.get(projection).map(|kept| &kept.rows)
    }

    /// All rows, by projection and key.
    pub fn all(&self) -> BTreeMap<&'static str, &BTreeMap<String, Value>> {
        let all = self.0.iter();
        let all = all.filter(|(_, kept)| !kept.rows.is_empty());
        all.map(|(name, kept)| (*name, &kept.rows)).collect()
    }

    /// The rows that the last fold of a projection has changed, and the version
    /// that the stream came to by it.
    pub fn moved(&mut self, projection: &str, stream: &StreamName) -> (Vec<Moved>, u64) {
        let Some(kept) = self.0.get_mut(projection) else {
            return (Vec::new(), 0);
        };
        let before = mem::take(&mut kept.before).into_iter();
        let moved = before.map(|(key, old)| Moved {
            new: kept.rows.get(&key).cloned(),
            key,
            old,
        });
        let moved = moved.collect();
        let reached = kept.watermarks.get(stream).copied();
        (moved, reached.unwrap_or_default())
    }

    /// Folds what is new of a stream, up to a version. Where an event is
    /// refused, says at which version; `None` where nothing is new.
    pub fn fold(
        &mut self,
        projection: &Projection,
        table: &Table,
        stream: &StreamName,
        through: u64,
    ) -> Option<Result<(), (u64, Rejection)>> {
        let kept = self.0.entry(projection.name).or_default();
        let watermark = kept.watermarks.get(stream).copied().unwrap_or_default();
        if watermark >= through {
            return None;
        }
        Some(match projection.over {
            Over::OneStream => kept.one(projection, table, stream, (watermark, through)),
            Over::ManyStreams => kept.many(projection, table, stream, (watermark, through)),
        })
    }
}

impl Kept {
    /// Folds into the row of one stream.
    fn one(
        &mut self,
        projection: &Projection,
        table: &Table,
        stream: &StreamName,
        (watermark, through): (u64, u64),
    ) -> Result<(), (u64, Rejection)> {
        let events = table.of(stream);
        let reversals = table.reversals(stream, through);
        let mut effects = (watermark + 1..=through).filter_map(|new| reversals.effect(new));
        // What is restored belongs at its old place, and what is taken back
        // before it was folded in may be what cannot be folded.
        let is_old =
            |effect: Effect| !matches!(effect, Effect::Restored(_)) && effect.root() <= watermark;
        let (key, row) = (stream.id(), self.rows.get(stream.id()));
        let mut folded = None;
        if effects.all(is_old) {
            let changes = (watermark + 1..=through).map(|new| match reversals.effect(new) {
                None => Change::Apply(&events[at(new)]),
                Some(Effect::TakenBack(root)) => Change::Revert(&events[at(root)]),
                Some(Effect::Restored(_) | Effect::Nothing(_)) => Change::Pass,
            });
            let done = projection.fold(key, row, &changes.collect::<Vec<_>>());
            let refused_at = watermark + done.applied as u64 + 1;
            let is_over =
                done.rejection.is_some() && table.is_taken_back(stream, refused_at, through);
            folded = (!done.fold_again && !is_over).then_some((watermark, done));
        }
        let (from, folded) =
            folded.unwrap_or_else(|| (0, again(projection, table, stream, through)));
        let reached = from + folded.applied as u64;
        if reached < watermark {
            // An event that the row holds is refused now: the row stays.
            let (at, why) = (reached + 1, folded.rejection.unwrap_or_default());
            let why = format!(
                "to take an event back the stream was folded again, and version {at}, which the row holds, is refused: {why}"
            );
            return Err((watermark + 1, Rejection::new(why)));
        }
        self.put(key.to_string(), folded.row);
        self.watermarks.insert(stream.clone(), reached);
        match folded.rejection {
            Some(refused) => Err((reached + 1, refused)),
            None => Ok(()),
        }
    }

    /// Folds into rows that streams share.
    fn many(
        &mut self,
        projection: &Projection,
        table: &Table,
        stream: &StreamName,
        (watermark, through): (u64, u64),
    ) -> Result<(), (u64, Rejection)> {
        for version in watermark + 1..=through {
            let events = table.of(stream);
            let effect = table.reversals(stream, version).effect(version);
            let root = effect.map_or(version, Effect::root);
            let event = &events[at(root)];
            let place = (stream.clone(), root);
            let change = match effect {
                Some(Effect::Nothing(_)) => Change::Pass,
                // The rows say already what they would say after it.
                Some(Effect::TakenBack(_)) if self.passed.remove(&place) => Change::Pass,
                Some(Effect::TakenBack(_)) => Change::Revert(event),
                None | Some(Effect::Restored(_)) => Change::Apply(event),
            };
            match self.shared(projection, event, change) {
                Ok(rows) => rows.into_iter().for_each(|(key, row)| self.put(key, row)),
                Err(_) if table.is_taken_back(stream, version, through) => {
                    self.passed.insert(place);
                }
                Err(refused) => return Err((version, refused)),
            }
            self.watermarks.insert(stream.clone(), version);
        }
        Ok(())
    }

    /// The rows that one event changes, all of them or none.
    fn shared(
        &self,
        projection: &Projection,
        event: &RecordedEvent,
        change: Change<'_>,
    ) -> Result<Vec<(String, Option<Value>)>, Rejection> {
        if change == Change::Pass {
            return Ok(Vec::new());
        }
        let mut changed = Vec::new();
        for key in projection.keys(event)? {
            let folded = projection.fold(&key, self.rows.get(&key), &[change]);
            if let Some(refused) = folded.rejection {
                return Err(refused);
            }
            changed.push((key, folded.row));
        }
        Ok(changed)
    }

    /// Keeps a row, or none.
    fn put(&mut self, key: String, row: Option<Value>) {
        let before = match row {
            Some(row) => self.rows.insert(key.clone(), row),
            None => self.rows.remove(&key),
        };
        self.before.entry(key).or_insert(before);
    }
}

/// Folds a stream from its first event, without what was taken back. Where an
/// event is refused, the row is the one before it, without what was taken back
/// by then.
fn again(projection: &Projection, table: &Table, stream: &StreamName, through: u64) -> Folded {
    let events = table.of(stream);
    let (mut through, mut refused) = (through, None);
    loop {
        let reversals = table.reversals(stream, through);
        let taken_back = reversals.taken_back();
        let changes = (1..=through).map(|version| match &events[at(version)] {
            _ if reversals.holds(version) => Change::Pass,
            event if taken_back.contains(&version) => Change::Void(event),
            event => Change::Apply(event),
        });
        let folded = projection.fold(stream.id(), None, &changes.collect::<Vec<_>>());
        let reached = folded.applied as u64;
        refused = folded.rejection.clone().or(refused);
        if reached == through || table.reversals(stream, reached).taken_back() == taken_back {
            return Folded {
                rejection: refused,
                ..folded
            };
        }
        through = reached;
    }
}

/// Where a version stands among the events of its stream.
fn at(version: u64) -> usize {
    version as usize - 1
}
