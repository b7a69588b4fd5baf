//! The one statement that writes a row: what is folded, its watermark, and what
//! a team queries. A single statement is a transaction: it does all or nothing.

use super::{
    failure::OPERATION,
    layout::Layout,
    names::{Kind, Place, quote},
};
use crate::{Error, data_table::row::Row};
use rewind::KeptTable;
use tokio_postgres::types::{ToSql, Type};

/// A statement with its parameters, all of them text: PostgreSQL reads numbers
/// and times from text as exactly as from bytes.
#[derive(Debug)]
pub(super) struct Statement {
    /// Writes what is folded, and says whether it has.
    written: String,
    /// Writes the columns, where it has.
    shown: Option<String>,
    values: Vec<Option<String>>,
}

impl Statement {
    /// Writes a row or checkpoint if nobody has since the revision `seen`, and
    /// the columns of a row with it. It answers with one row where it has
    /// written, and with none otherwise.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] where a column does not hold what the row says.
    pub fn put(
        declared: &KeptTable,
        layout: &Layout,
        place: &Place,
        row: &Row,
        seen: u64,
    ) -> Result<Self, Error> {
        let mut statement = Self::note(layout, place, row, seen);
        if place.kind == Kind::Stream {
            return Ok(statement);
        }
        let rejected = |reason: String| Error::Rejected {
            operation: OPERATION,
            reason,
        };
        if let Some(misfit) = &layout.misfit {
            return Err(rejected(misfit.clone()));
        }
        let shown = match &row.state {
            None => {
                let table = &layout.table;
                format!("DELETE FROM {table} WHERE key IN (SELECT id FROM written)")
            }
            Some(state) => {
                let cells = declared.cells(&place.id, state);
                let cells = cells.map_err(|refused| rejected(refused.reason))?;
                let first = statement.values.len() + 1;
                let of_columns = layout.columns.iter();
                let values = of_columns.filter_map(|(nth, _)| cells.get(*nth).cloned());
                statement.values.extend(values);
                upsert(layout, first)
            }
        };
        statement.shown = Some(shown);
        Ok(statement)
    }

    /// Writes what is folded, and leaves the columns as they are.
    pub fn note(layout: &Layout, place: &Place, row: &Row, seen: u64) -> Self {
        let stalled = row.stalled.as_ref();
        let mut values = vec![
            Some(place.kind.text().to_string()),
            Some(place.id.clone()),
            row.state.as_ref().map(ToString::to_string),
            Some(row.watermark.to_string()),
            Some((seen + 1).to_string()),
            stalled.map(|why| why.replace('\0', "\u{fffd}")),
        ];
        let folds = &layout.folds;
        let written = match seen {
            0 => format!(
                "INSERT INTO {folds} (kind, id, state, watermark, revision, stalled)
                 VALUES ($1, $2, $3::json, $4::bigint, $5::bigint, $6)
                 ON CONFLICT DO NOTHING RETURNING id"
            ),
            seen => {
                values.push(Some(seen.to_string()));
                format!(
                    "UPDATE {folds} SET state = $3::json, watermark = $4::bigint,
                        revision = $5::bigint, stalled = $6
                     WHERE kind = $1 AND id = $2 AND revision = $7::bigint RETURNING id"
                )
            }
        };
        Self {
            written,
            shown: None,
            values,
        }
    }

    /// The statement's text.
    pub fn sql(&self) -> String {
        let written = &self.written;
        let shown = self.shown.as_ref();
        let shown = shown.map_or(String::new(), |shown| format!(", shown AS ({shown})"));
        format!("WITH written AS ({written}){shown} SELECT id FROM written")
    }

    /// The parameters.
    pub fn parameters(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let values = self.values.iter();
        values
            .map(|value| (value as &(dyn ToSql + Sync), Type::TEXT))
            .collect()
    }
}

/// Writes the columns of a row, whose values are the parameters from `first` on.
fn upsert(layout: &Layout, first: usize) -> String {
    let declared = layout.columns.iter().enumerate();
    let declared = declared.map(|(place, (_, column))| {
        let value = format!("${}::{}", first + place, column.column_type.sql());
        (quote(column.name), value)
    });
    let gone = layout.gone.iter();
    let gone = gone.map(|name| (quote(name), "NULL".to_string()));
    let (names, values): (Vec<String>, Vec<String>) = declared.chain(gone).unzip();
    let table = &layout.table;
    let [into, of] = [&names, &values].map(|list| {
        let list = list.iter().map(|one| format!(", {one}"));
        list.collect::<String>()
    });
    let set = names.iter().map(|name| format!("{name} = excluded.{name}"));
    let set: Vec<String> = set.collect();
    let conflict = match set.is_empty() {
        true => "NOTHING".to_string(),
        false => format!("UPDATE SET {}", set.join(", ")),
    };
    format!(
        "INSERT INTO {table} (key{into}) SELECT id{of} FROM written
         ON CONFLICT (key) DO {conflict}"
    )
}
