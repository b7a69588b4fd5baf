//! Tables of projections: the registered form, its types taken away.

use super::panics::guarded;
use crate::{Column, Rejection, Table, domain::table::Cell, record::misfit};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{collections::BTreeSet, fmt, sync::Arc};

/// The most bytes of a name: PostgreSQL cuts identifiers at 63, and Rewind puts
/// a generation's number behind a table's.
const MAX_NAME: usize = 40;

/// Columns that PostgreSQL or Rewind gives every table.
const TAKEN: [&str; 7] = ["cmax", "cmin", "ctid", "key", "tableoid", "xmax", "xmin"];

/// What the columns hold of a row, given its key.
type CellsOf = dyn Fn(&str, &Value) -> Result<Vec<Cell>, Rejection> + Send + Sync;

/// The table that a projection's rows are kept in as well.
#[derive(Clone)]
pub struct KeptTable {
    /// Its name.
    pub name: &'static str,
    /// Its columns beside `key`.
    pub columns: Vec<Column>,
    cells: Arc<CellsOf>,
}

impl KeptTable {
    /// Takes the types away.
    pub(super) fn of<R: DeserializeOwned + 'static>(table: Table<R>) -> Self {
        let Table {
            name,
            columns,
            cells,
        } = table;
        let names: Vec<&'static str> = columns.iter().map(|column| column.name).collect();
        let cells = move |key: &str, row: &Value| {
            let row: R = misfit::decode_value(row)
                .map_err(|misfit| Rejection::new(format!("the row does not fit: {misfit}")))?;
            let cells = names.iter().zip(&cells);
            let cells = cells.map(|(name, cell)| {
                let in_column =
                    |refused: Rejection| Rejection::new(format!("column `{name}`: {refused}"));
                guarded(|| cell(key, &row)).map_err(in_column)
            });
            cells.collect()
        };
        Self {
            name,
            columns,
            cells: Arc::new(cells),
        }
    }

    /// What the columns hold of a row, in their order.
    ///
    /// # Errors
    ///
    /// A rejection where a column does not hold its value, or panics.
    pub fn cells(&self, key: &str, row: &Value) -> Result<Vec<Cell>, Rejection> {
        if key.contains('\0') {
            return Err(Rejection::new("column `key`: text holds no NUL character"));
        }
        (self.cells)(key, row)
    }

    /// Checks the names of a table, beside those of other projections.
    ///
    /// # Panics
    ///
    /// When one is no name of PostgreSQL's, or is taken.
    pub(crate) fn check<'a>(&self, mut others: impl Iterator<Item = &'a Self>) {
        let name = self.name;
        let generation = name.rsplit_once("_g").map(|(_, number)| number);
        let is_generation = generation.is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        let is_own = name.starts_with("rewind") || name.starts_with("pg_") || is_generation;
        assert!(
            is_identifier(name) && !is_own,
            "a table is named with a-z 0-9 _, from a letter on, in {MAX_NAME} bytes, not as `rewind…`, `pg_…` or `…_g1`: {name:?}"
        );
        assert!(
            others.all(|other| other.name != name),
            "two projections keep the table {name}"
        );
        let mut names = BTreeSet::from(TAKEN);
        for column in &self.columns {
            let column = column.name;
            assert!(
                is_identifier(column),
                "a column is named with a-z 0-9 _, from a letter on, in {MAX_NAME} bytes: {column:?}"
            );
            assert!(
                names.insert(column),
                "the table {name} has a column {column} already"
            );
        }
    }
}

impl fmt::Debug for KeptTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = f.debug_struct("KeptTable");
        let table = table.field("name", &self.name);
        table
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

fn is_identifier(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.len() <= MAX_NAME
        && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn table(name: &'static str, columns: &[&'static str]) -> KeptTable {
        let named = Table::named(name);
        let columns = columns.iter();
        KeptTable::of(columns.fold(named, |table, name| table.column(name, |_, n: &u64| *n)))
    }

    fn is_refused(name: &'static str, columns: &[&'static str]) -> bool {
        let checked = std::panic::catch_unwind(|| table(name, columns).check([].iter()));
        checked.is_err()
    }

    #[test]
    fn names_are_those_of_postgresql_and_nobody_elses() {
        assert!(!is_refused("polls", &["n", "order", "a_1"]));
        for name in [
            "", "Polls", "1st", "a\"b", "a-b", "pg_x", "rewind_x", "a_g2",
        ] {
            assert!(is_refused(name, &[]), "{name}");
        }
        for column in ["", "N", "key", "xmin", "a b"] {
            assert!(is_refused("polls", &[column]), "{column}");
        }
        assert!(is_refused("polls", &["n", "n"]));
        let twice = std::panic::catch_unwind(|| {
            let taken = table("polls", &[]);
            table("polls", &[]).check(std::iter::once(&taken));
        });
        assert!(twice.is_err());
    }

    #[test]
    fn a_refusal_names_its_column() {
        let table = table("polls", &["n"]);
        assert_eq!(table.cells("1", &json!(7)), Ok(vec![Some("7".into())]));
        let refused = table.cells("1", &json!(u64::MAX)).unwrap_err();
        assert!(refused.reason.starts_with("column `n`: "), "{refused}");
        let refused = table.cells("a\0", &json!(7)).unwrap_err();
        assert!(refused.reason.starts_with("column `key`: "), "{refused}");
    }

    #[test]
    fn a_panic_of_a_column_is_a_refusal() {
        let table = Table::named("polls").column("n", |_, n: &u64| 1 / (n - n));
        let refused = KeptTable::of(table).cells("1", &json!(7)).unwrap_err();
        assert!(refused.reason.contains("panicked"), "{refused}");
    }
}
