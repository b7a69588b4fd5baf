//! Reports of stalls: `/health` finds those of PostgreSQL's tables beside all
//! others, under `postgres/NAME@GENERATION`.
//!
//! A report and what it is about stand in two databases, so they are not written
//! at once: the report comes second, and whoever dies in between leaves it to
//! the next look at the tables.

use super::{layout, names::Kind, read_models::READER, rows::PostgresRows};
use crate::{
    Error,
    data_table::{
        data_store::DataStore,
        stall::{self, REPORTS, Stall},
        transaction::Write,
    },
};
use rewind::{StreamName, Target};
use serde_json::Value;
use std::collections::BTreeMap;

/// The most stalls of a generation that are reported.
const MAX_REPORTS: i32 = 500;

/// The reader of a generation's table.
pub(super) fn reader(target: &Target) -> String {
    format!("{READER}{target}")
}

/// Writes to the data store what a projector would write beside its rows there.
pub(super) async fn pass_on(store: &DataStore, beside: &[&Write]) -> Result<(), Error> {
    if beside.is_empty() {
        return Ok(());
    }
    let renamed = beside.iter().map(|write| {
        let mut write = (*write).clone();
        match &mut write {
            Write::Put { key, .. } | Write::Delete { key } if key.pk == REPORTS.partition() => {
                key.sk.insert_str(0, READER);
            }
            Write::Replace { key, row, .. } if key.pk == REPORTS.partition() => {
                key.sk.insert_str(0, READER);
                if let Some(Value::String(name)) =
                    row.state.as_mut().and_then(|state| state.get_mut("reader"))
                {
                    name.insert_str(0, READER);
                }
            }
            _ => {}
        }
        write
    });
    let renamed: Vec<Write> = renamed.collect();
    store.write_together(&renamed).await.map(drop)
}

impl PostgresRows {
    /// Makes the reports of a generation say what its table says, and returns
    /// the streams that are stalled.
    pub(super) async fn report(&self, target: &Target) -> Result<Vec<StreamName>, Error> {
        let reader = reader(target);
        let stalled = self.stalled(target).await?;
        let (reports, _) = stall::list(&self.store, Some(&reader), None, MAX_REPORTS).await?;
        for report in reports {
            if !stalled.contains_key(&report.stream) {
                stall::clear(&self.store, &reader, &report.stream).await?;
            }
        }
        for (stream, (watermark, reason)) in &stalled {
            let stall = Stall::new(&reader, stream, *watermark, reason);
            self.store.write_together(&[stall::report(&stall)?]).await?;
        }
        Ok(stalled.into_keys().collect())
    }

    /// Which streams are stalled, where and why.
    async fn stalled(&self, target: &Target) -> Result<BTreeMap<StreamName, (u64, String)>, Error> {
        let connection = self.postgres.open().await?;
        let declared = self.table(target)?;
        let layout = layout::of(&connection, declared, target).await;
        let layout = layout.map_err(super::failure::Failure::into_error)?;
        let sql = format!(
            "SELECT kind, id, watermark, stalled FROM {} WHERE stalled IS NOT NULL
             ORDER BY id LIMIT {MAX_REPORTS}",
            layout.folds
        );
        let client = connection.client.read().await;
        let found = client.query_typed(&sql, &[]).await;
        let read = |row: &tokio_postgres::Row| {
            let kind: String = row.try_get(0)?;
            let (id, watermark, why) =
                (row.try_get(1)?, row.try_get::<_, i64>(2)?, row.try_get(3)?);
            Ok::<(String, String, i64, String), tokio_postgres::Error>((kind, id, watermark, why))
        };
        let found = found.and_then(|rows| rows.iter().map(read).collect::<Result<Vec<_>, _>>());
        let found = found.map_err(|error| super::failure::Failure::from(error).into_error())?;
        let projection = self.service.projection(&target.projection);
        let category = projection.and_then(|projection| projection.categories.first());
        let stalled = found.into_iter().filter_map(|(kind, id, watermark, why)| {
            let name = match kind == Kind::Stream.text() {
                true => id,
                false => format!("{}-{id}", category?),
            };
            let watermark = u64::try_from(watermark).unwrap_or_default();
            Some((StreamName::new(name).ok()?, (watermark, why)))
        });
        Ok(stalled.collect())
    }
}
