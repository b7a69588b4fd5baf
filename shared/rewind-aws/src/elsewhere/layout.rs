//! The tables of a generation: made where they are missing, and never changed.
//!
//! What a deployment declares otherwise than the one before it comes with the
//! next generation. Until then a generation keeps the columns that it was made
//! with.

use super::{
    connection::Connection,
    failure::Failure,
    names::{SCHEMA, folds, quote, table},
};
use crate::Error;
use rewind::{Column, KeptTable, Target};
use std::{collections::BTreeMap, sync::Arc};
use tokio_postgres::{Transaction, types::Type};

/// Whoever makes tables holds this lock: of two that make the same one at once,
/// PostgreSQL refuses one. The number means nothing.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7239443118250417)";

/// What Rewind knows of its tables: generations that are there, how far each is
/// filled with history, and which one each view shows.
const OWN: &str = "
    CREATE TABLE IF NOT EXISTS rewind.generations (
        name text, generation bigint, since timestamptz NOT NULL DEFAULT now(),
        place text, filled boolean NOT NULL DEFAULT false,
        PRIMARY KEY (name, generation));
    CREATE TABLE IF NOT EXISTS rewind.views (name text PRIMARY KEY, generation bigint NOT NULL)";

/// How the table of a generation is.
#[derive(Debug)]
pub(super) struct Layout {
    /// Its name, in quotes.
    pub table: String,
    /// The name of what stands beside it.
    pub folds: String,
    /// The declared columns that it has, by their places in the declaration.
    pub columns: Vec<(usize, Column)>,
    /// The columns that are not declared any more: rows that are written now
    /// have nothing there.
    pub gone: Vec<String>,
    /// Why it can take no row as it is declared now.
    pub misfit: Option<String>,
}

/// The tables of a generation, made where they are missing.
pub(super) async fn of(
    connection: &Connection,
    declared: &KeptTable,
    target: &Target,
) -> Result<Arc<Layout>, Failure> {
    if let Some(known) = connection.layout(target) {
        return Ok(known);
    }
    let mut client = connection.client.write().await;
    let transaction = client.transaction().await?;
    own(&transaction).await?;
    let generation = target.generation;
    let (table, folds) = (table(declared, generation), folds(declared, generation));
    let stalled = quote(&format!("{}_g{generation}_stalled", declared.name));
    let columns = declared.columns.iter().map(definition);
    let columns: String = columns.map(|column| format!(", {column}")).collect();
    transaction
        .batch_execute(&format!(
            "CREATE TABLE IF NOT EXISTS {table} (key text PRIMARY KEY{columns});
             CREATE TABLE IF NOT EXISTS {folds} (
                kind text, id text, state json, watermark bigint NOT NULL,
                revision bigint NOT NULL, stalled text, PRIMARY KEY (kind, id));
             CREATE INDEX IF NOT EXISTS {stalled} ON {folds} (id) WHERE stalled IS NOT NULL"
        ))
        .await?;
    let number = number(generation)?;
    transaction
        .execute_typed(
            "INSERT INTO rewind.generations (name, generation) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[(&declared.name, Type::TEXT), (&number, Type::INT8)],
        )
        .await?;
    let found = transaction
        .query_typed(
            "SELECT attname::text, format_type(atttypid, atttypmod), attnotnull
             FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
             ORDER BY attnum",
            &[(&table, Type::TEXT)],
        )
        .await?;
    let mut has = BTreeMap::new();
    for row in found {
        let (name, column_type): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        has.insert(name, (column_type, row.try_get::<_, bool>(2)?));
    }
    transaction.commit().await?;
    let layout = Arc::new(compared(declared, table, folds, has));
    connection.know(target, &layout);
    Ok(layout)
}

/// Makes the schema and what Rewind knows of its tables.
pub(super) async fn own(transaction: &Transaction<'_>) -> Result<(), Failure> {
    transaction.batch_execute(LOCK).await?;
    // Whoever may not make schemas is refused even where there is one.
    let schema = "SELECT FROM pg_namespace WHERE nspname = $1";
    let schema = transaction.query_typed(schema, &[(&SCHEMA, Type::TEXT)]);
    if schema.await?.is_empty() {
        let make = format!("CREATE SCHEMA {SCHEMA}");
        transaction.batch_execute(&make).await?;
    }
    transaction.batch_execute(OWN).await?;
    Ok(())
}

/// A generation as PostgreSQL counts.
pub(super) fn number(generation: u64) -> Result<i64, Error> {
    let number = i64::try_from(generation);
    number.map_err(|error| Error::damaged(format!("generation {generation}"), error))
}

fn definition(column: &Column) -> String {
    let not_null = match column.is_nullable {
        true => "",
        false => " NOT NULL",
    };
    format!(
        "{} {}{not_null}",
        quote(column.name),
        column.column_type.sql()
    )
}

/// What a table has, beside what is declared.
fn compared(
    declared: &KeptTable,
    table: String,
    folds: String,
    mut has: BTreeMap<String, (String, bool)>,
) -> Layout {
    let advice = "raise the projection's VERSION and rebuild it";
    let mut misfit = None;
    has.remove("key");
    let mut columns = Vec::new();
    for (nth, column) in declared.columns.iter().enumerate() {
        let Some((column_type, _)) = has.remove(column.name) else {
            continue;
        };
        let (name, wanted) = (column.name, column.column_type.sql());
        if column_type != wanted {
            misfit = Some(format!(
                "column `{name}` of {table} is {column_type} and declared as {wanted}: {advice}"
            ));
        }
        columns.push((nth, *column));
    }
    let needed = has.iter().find(|(_, (_, is_not_null))| *is_not_null);
    if let Some((name, _)) = needed {
        misfit = Some(format!(
            "column `{name}` of {table} is not declared any more and takes no NULL: {advice}"
        ));
    }
    Layout {
        table,
        folds,
        columns,
        gone: has.into_keys().collect(),
        misfit,
    }
}
