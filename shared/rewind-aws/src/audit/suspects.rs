//! Rows that seem wrong. Each is folded again between two readings of the row:
//! if it was not written in between, no checkpoint moved across an event that
//! touches it either, and the fold has to be equal.

use super::{
    look::Run,
    report::{Kind, Violation},
    state::{shown, stored_form},
    tally::{Name, Scope},
    walk::Walk,
};
use crate::{
    Error,
    data_table::{key::Key, row::Row},
};
use rewind::{Rejection, StreamName};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, PoisonError},
};

/// How often rows that others write meanwhile are looked at.
const ROUNDS: u32 = 5;

impl Run<'_> {
    /// Looks at rows that seem wrong until they are right, are wrong for sure,
    /// or have moved on too often.
    pub(super) async fn confirm(&self, mut suspects: HashSet<Name>) -> Result<(), Error> {
        for _ in 0..ROUNDS {
            if suspects.is_empty() {
                return Ok(());
            }
            let before = self.shared_rows(&suspects).await?;
            let tally = Mutex::new(self.tally_of(Scope::Only(suspects)));
            let rows = &tally;
            let visit = |stream: StreamName, found| async move {
                self.visit_shared(&stream, found, rows).await
            };
            self.walk(Walk::SHARED_ROWS, visit).await?;
            let tally = tally.into_inner();
            let mut tally = tally.unwrap_or_else(PoisonError::into_inner);
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
        expected: Option<Result<Value, Rejection>>,
        stored: Option<&Result<Row, Error>>,
    ) {
        let place = format!("{}/{key}", self.readers[*nth].name);
        let expected = expected.map(|state| state.map(stored_form));
        let violation = match (expected, stored) {
            (None, None) => return,
            // A deleted row is none, and keeps its revision.
            (None, Some(Ok(row))) if row.state.is_none() => return,
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
}

/// How often a row was written; `None` where there is none.
fn revision(row: Option<&Result<Row, Error>>) -> Option<u64> {
    row.map(|row| row.as_ref().map_or(0, |row| row.revision))
}

fn described(expected: Option<Result<Value, Rejection>>) -> String {
    match expected {
        None => "none".to_string(),
        Some(Ok(state)) => state.to_string(),
        Some(Err(refused)) => format!("events that the projection takes ({refused})"),
    }
}
