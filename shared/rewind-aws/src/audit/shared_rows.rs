//! Rows that streams share: each equals the fold of all streams' events up to
//! their marks, none is missing and none is too many.
//!
//! Rows are folded in parts, each with a walk over all streams. A row that
//! seems wrong may only have moved on since its streams were read. So it is
//! folded again between two readings of the row: if it was not written in
//! between, no mark moved across an event that touches it either, and the fold
//! has to be equal.

use super::{
    Kind, Run, Violation, locked,
    one_stream::{shown, stored_form},
    readers::Way,
    tally::{BYTES_PER_PART, Name, ROWS_PER_PART, Scope, Tally},
    walk::{Pages, Visit, begins_with},
    line,
};
use crate::{
    Error,
    data_store::{self, Key, Row, row_partitions},
    item::string,
};
use rewind::{Refused, StreamName, Target};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::Mutex,
};

/// How often rows that others write meanwhile are looked at.
const ROUNDS: u32 = 5;

/// Rows that are looked at again after one part.
const MAX_SUSPECTS: usize = 10_000;

/// Rows on one page.
const PAGE: i32 = 500;

impl Run<'_> {
    /// Looks at every stream, and at all shared rows, part by part.
    pub(super) async fn check_streams_and_shared_rows(&self) -> Result<(), Error> {
        let mut of = self.parts().await?;
        let mut nth = 0;
        let mut is_first = true;
        while nth < of {
            let tally = Mutex::new(Tally::new(Scope::Part { nth, of }));
            let visit = match is_first {
                true => Visit::Everything(&tally),
                false => Visit::SharedRows(&tally),
            };
            self.walk(visit).await?;
            is_first = false;
            let tally = tally.into_inner();
            let tally = tally.unwrap_or_else(std::sync::PoisonError::into_inner);
            if tally.is_overfull {
                // There have to be far more rows than there are: the parts
                // that are checked stay checked, as each is cut in four.
                (nth, of) = (nth * 4, of * 4);
                continue;
            }
            let suspects = self.compare(tally).await?;
            self.confirm(suspects).await?;
            nth += 1;
        }
        Ok(())
    }

    /// Into how many parts the shared rows are cut.
    async fn parts(&self) -> Result<u64, Error> {
        let (mut rows, mut bytes) = (0, 0);
        for (_, target) in self.shared() {
            for partition in row_partitions(&target) {
                let mut after = None;
                loop {
                    let page = self.store.list(&partition, "", after.as_deref(), PAGE);
                    let (items, next) = page.await?;
                    for item in items {
                        rows += 1;
                        let row = data_store::row(item).ok();
                        let state = row.and_then(|(_, row)| row.state);
                        bytes += state.map_or(0, |state| state.to_string().len() as u64);
                    }
                    after = next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
        // A power of two, so that parts can be cut further.
        let parts = (rows / ROWS_PER_PART).max(bytes / BYTES_PER_PART) + 1;
        Ok(parts)
    }

    /// Folds a stream into shared rows only.
    pub(super) async fn visit_shared(
        &self,
        stream: &StreamName,
        found: u64,
        tally: &Mutex<Tally>,
    ) -> Result<(), Error> {
        let standings = self.standings(stream, |reader| reader.shares_rows(), false);
        let standings = standings.await?;
        let mark = standings.iter().map(|standing| standing.row.watermark);
        let mark = mark.max().unwrap_or_default();
        let mut pages = Pages::of(&self.events, stream);
        let mut is_first = true;
        while let Some(items) = pages.next().await? {
            if is_first && !begins_with(&items, found) {
                return Ok(());
            }
            is_first = false;
            let events = line::read(&items).events;
            self.tally(&standings, &events, tally, false);
            if events.last().is_some_and(|event| event.version >= mark) {
                break;
            }
        }
        Ok(())
    }

    /// Compares the stored rows of a scope with the folded ones.
    async fn compare(&self, mut tally: Tally) -> Result<HashSet<Name>, Error> {
        let mut suspects = HashSet::new();
        for (nth, target) in self.shared() {
            for partition in row_partitions(&target) {
                let mut after: Option<String> = None;
                loop {
                    let page = self.store.list(&partition, "", after.as_deref(), PAGE);
                    let (items, next) = page.await?;
                    for item in items {
                        let key = string(&item, "sk")?.to_string();
                        if !tally.scope.holds(nth, &key) {
                            continue;
                        }
                        let name = (nth, key);
                        let expected = tally.rows.remove(&name);
                        let stored = data_store::row(item).map(|(_, row)| row);
                        let is_equal = match (&stored, expected) {
                            (Ok(stored), Some(Ok(state))) => {
                                stored.state == Some(stored_form(state))
                            }
                            _ => false,
                        };
                        if !is_equal {
                            suspects.insert(name);
                        }
                    }
                    after = next;
                    if after.is_none() {
                        break;
                    }
                }
            }
        }
        suspects.extend(tally.rows.into_keys());
        if suspects.len() > MAX_SUSPECTS {
            let rest = suspects.len() - MAX_SUSPECTS;
            self.count(|counts| counts.unsettled += rest as u64);
            suspects = suspects.into_iter().take(MAX_SUSPECTS).collect();
        }
        Ok(suspects)
    }

    /// Looks at rows that seem wrong until they are right, are wrong for sure,
    /// or have moved on too often.
    async fn confirm(&self, mut suspects: HashSet<Name>) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            if suspects.is_empty() {
                return Ok(());
            }
            let before = self.shared_rows(&suspects).await?;
            let tally = Mutex::new(Tally::new(Scope::Only(suspects)));
            self.walk(Visit::SharedRows(&tally)).await?;
            let tally = tally.into_inner();
            let mut tally = tally.unwrap_or_else(std::sync::PoisonError::into_inner);
            let Scope::Only(names) = tally.scope else {
                return Ok(());
            };
            let after = self.shared_rows(&names).await?;
            suspects = HashSet::new();
            for name in names {
                let (was, is) = (before.get(&name), after.get(&name));
                let expected = tally.rows.remove(&name);
                if revision(was) != revision(is) {
                    suspects.insert(name);
                } else {
                    self.judge(&name, expected, is);
                }
            }
        }
        self.count(|counts| counts.unsettled += suspects.len() as u64);
        Ok(())
    }

    /// Says what is wrong with a row that nobody wrote meanwhile.
    fn judge(
        &self,
        (nth, key): &Name,
        expected: Option<Result<Value, Refused>>,
        stored: Option<&Result<Row, Error>>,
    ) {
        let place = format!("{}/{key}", self.readers[*nth].name);
        let expected = expected.map(|state| state.map(stored_form));
        let violation = match (expected, stored) {
            (None, None) => return,
            (Some(Ok(state)), Some(Ok(row))) if row.state.as_ref() == Some(&state) => return,
            (expected, Some(Err(error))) => {
                let expected = described(expected);
                Violation::new(Kind::DamagedItem, place, expected, error)
            }
            (Some(expected), None) => {
                let expected = described(Some(expected));
                Violation::new(Kind::RowMissing, place, expected, "none")
            }
            (None, Some(Ok(row))) => {
                let found = shown(row.state.as_ref());
                Violation::new(Kind::RowSuperfluous, place, "none", found)
            }
            (Some(expected), Some(Ok(row))) => {
                let found = shown(row.state.as_ref());
                let expected = described(Some(expected));
                Violation::new(Kind::RowDiffers, place, expected, found)
            }
        };
        self.violation(violation);
    }

    /// The stored rows of these names.
    async fn shared_rows(
        &self,
        names: &HashSet<Name>,
    ) -> Result<HashMap<Name, Result<Row, Error>>, Error> {
        let mut names_of: HashMap<Key, Name> = HashMap::new();
        for (nth, target) in self.shared() {
            for name in names.iter().filter(|(reader, _)| *reader == nth) {
                names_of.insert(Key::row(&target, &name.1), name.clone());
            }
        }
        let keys: Vec<Key> = names_of.keys().cloned().collect();
        let rows = self.store.rows_or_damage(&keys).await?;
        let rows = rows.into_iter();
        Ok(rows
            .filter_map(|(key, row)| Some((names_of.remove(&key)?, row)))
            .collect())
    }

    /// The generations whose rows streams share, with the readers' places.
    fn shared(&self) -> Vec<(usize, Target)> {
        let readers = self.readers.iter().enumerate();
        let shared = readers.filter_map(|(nth, reader)| match &reader.way {
            Way::SharedRows { target, .. } => Some((nth, target.clone())),
            Way::OneRow { .. } | Way::Reaction => None,
        });
        shared.collect()
    }
}

/// How often a row was written; `None` where there is none.
fn revision(row: Option<&Result<Row, Error>>) -> Option<u64> {
    row.map(|row| row.as_ref().map_or(0, |row| row.revision))
}

fn described(expected: Option<Result<Value, Refused>>) -> String {
    match expected {
        None => "none".to_string(),
        Some(Ok(state)) => state.to_string(),
        Some(Err(refused)) => format!("events that the projection takes ({refused})"),
    }
}
