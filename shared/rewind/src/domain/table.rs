//! Tables: rows of a projection that a relational database keeps as well, with
//! columns that a team can query and join.

use crate::{Rejection, Timestamp};
use serde_json::Value;
use std::fmt;

/// The table that a projection's rows are kept in as well: its name, and its
/// columns, each with what it holds of a row. The row's key is a column of its
/// own, `key`.
///
/// ```
/// use rewind::Table;
///
/// struct Poll { total: u64, winner: Option<String> }
///
/// let table = Table::named("polls")
///     .column("total", |_, poll: &Poll| poll.total)
///     .column("winner", |_, poll: &Poll| poll.winner.clone());
/// ```
pub struct Table<R> {
    pub(crate) name: &'static str,
    pub(crate) columns: Vec<Column>,
    pub(crate) cells: Vec<CellOf<R>>,
}

/// What a column holds of a row, given the row's key.
pub(crate) type CellOf<R> = Box<dyn Fn(&str, &R) -> Result<Cell, Rejection> + Send + Sync>;

/// A value of a column, as PostgreSQL reads it from text; `None` for NULL.
pub type Cell = Option<String>;

/// A column of a [`Table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub column_type: ColumnType,
    /// Whether it may hold nothing.
    pub is_nullable: bool,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Text without the character NUL.
    Text,
    /// A whole number of 64 bits, with a sign.
    BigInt,
    /// A number of 64 bits with a point.
    Double,
    /// Yes or no.
    Boolean,
    /// A moment.
    Timestamp,
    /// Any JSON without the character NUL.
    Json,
}

/// A Rust type that a column holds.
pub trait ColumnValue {
    /// The type of the column.
    const TYPE: ColumnType;
    /// Whether there may be none.
    const IS_NULLABLE: bool = false;

    /// The value as PostgreSQL reads it from text.
    ///
    /// # Errors
    ///
    /// A rejection where no column of the type holds it: the stream of the event
    /// stalls for this table alone.
    fn cell(self) -> Result<Cell, Rejection>;
}

impl<R> Table<R> {
    /// A table of this name, without columns yet.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        Self {
            name,
            columns: Vec::new(),
            cells: Vec::new(),
        }
    }

    /// With a column. `value` is given the row's key and the row; its type is
    /// the column's. It has to be pure, as a fold is.
    #[must_use]
    pub fn column<V: ColumnValue>(
        mut self,
        name: &'static str,
        value: impl Fn(&str, &R) -> V + Send + Sync + 'static,
    ) -> Self {
        self.columns.push(Column {
            name,
            column_type: V::TYPE,
            is_nullable: V::IS_NULLABLE,
        });
        let cell = move |key: &str, row: &R| value(key, row).cell();
        self.cells.push(Box::new(cell));
        self
    }
}

impl<R> fmt::Debug for Table<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = f.debug_struct("Table");
        let table = table.field("name", &self.name);
        table
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl ColumnType {
    /// Its name in SQL.
    pub fn sql(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::BigInt => "bigint",
            Self::Double => "double precision",
            Self::Boolean => "boolean",
            Self::Timestamp => "timestamp with time zone",
            Self::Json => "jsonb",
        }
    }
}

impl ColumnValue for String {
    const TYPE: ColumnType = ColumnType::Text;
    fn cell(self) -> Result<Cell, Rejection> {
        match self.contains('\0') {
            true => Err(Rejection::new("a column of text holds no NUL character")),
            false => Ok(Some(self)),
        }
    }
}

impl ColumnValue for i64 {
    const TYPE: ColumnType = ColumnType::BigInt;
    fn cell(self) -> Result<Cell, Rejection> {
        Ok(Some(self.to_string()))
    }
}

impl ColumnValue for u64 {
    const TYPE: ColumnType = ColumnType::BigInt;
    fn cell(self) -> Result<Cell, Rejection> {
        let too_large = |_| Rejection::new("a column of bigint holds no number above 2^63 - 1");
        i64::try_from(self).map_err(too_large)?.cell()
    }
}

impl ColumnValue for u32 {
    const TYPE: ColumnType = ColumnType::BigInt;
    fn cell(self) -> Result<Cell, Rejection> {
        i64::from(self).cell()
    }
}

impl ColumnValue for f64 {
    const TYPE: ColumnType = ColumnType::Double;
    fn cell(self) -> Result<Cell, Rejection> {
        Ok(Some(self.to_string()))
    }
}

impl ColumnValue for bool {
    const TYPE: ColumnType = ColumnType::Boolean;
    fn cell(self) -> Result<Cell, Rejection> {
        Ok(Some(self.to_string()))
    }
}

impl ColumnValue for Timestamp {
    const TYPE: ColumnType = ColumnType::Timestamp;
    fn cell(self) -> Result<Cell, Rejection> {
        Ok(Some(self.to_string()))
    }
}

impl ColumnValue for Value {
    const TYPE: ColumnType = ColumnType::Json;
    fn cell(self) -> Result<Cell, Rejection> {
        match holds_nul(&self) {
            true => Err(Rejection::new("a column of jsonb holds no NUL character")),
            false => Ok(Some(self.to_string())),
        }
    }
}

impl<V: ColumnValue> ColumnValue for Option<V> {
    const TYPE: ColumnType = V::TYPE;
    const IS_NULLABLE: bool = true;
    fn cell(self) -> Result<Cell, Rejection> {
        self.map_or(Ok(None), V::cell)
    }
}

/// Whether a text in the JSON has the character NUL. JSON that a row can hold is
/// not nested deeply.
fn holds_nul(json: &Value) -> bool {
    match json {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(holds_nul),
        Value::Object(members) => {
            let mut members = members.iter();
            members.any(|(name, value)| name.contains('\0') || holds_nul(value))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
