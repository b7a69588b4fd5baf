//! Following the generations of the data store: the view shows what serves, once
//! it is complete, and the tables of dropped generations go.

use super::{
    failure::Failure,
    layout::{self, number, own},
    names::{folds, quote, table},
    read_models::ReadModels,
    reports,
    tend::Tended,
};
use crate::{Error, data_table::stall, generation::generations::Generations};
use rewind::{KeptTable, Projection, Target};
use tokio_postgres::{
    error::SqlState,
    types::{ToSql, Type},
};

impl ReadModels {
    /// Lets the view show what serves, and drops what nobody wants any more.
    pub(super) async fn follow(
        &self,
        projection: &Projection,
        known: &Generations,
        has_time: &impl Fn() -> bool,
        tended: &mut Tended,
    ) -> Result<(), Error> {
        let serving = Target {
            projection: projection.name.to_string(),
            generation: known.serving,
        };
        let declared = self.rows.table(&serving)?;
        if !self.fill(projection, &serving, has_time).await? {
            tended.is_unfinished = true;
            return Ok(());
        }
        if self.shown(declared).await? != Some(number(known.serving)?) {
            let switched = self.switch(declared, &serving).await;
            switched.map_err(Failure::into_error)?;
            tracing::info!(view = declared.name, %serving, "the view shows another generation");
            tended.switched += 1;
        }
        for generation in self.dropped(declared, known).await? {
            let target = Target {
                projection: projection.name.to_string(),
                generation,
            };
            self.drop(declared, &target)
                .await
                .map_err(Failure::into_error)?;
            stall::clear_all(&self.store, &reports::reader(&target)).await?;
            tracing::info!(%target, "its table is dropped");
        }
        Ok(())
    }

    /// The generation that the view shows.
    async fn shown(&self, declared: &KeptTable) -> Result<Option<i64>, Error> {
        let connection = self.rows.postgres.open().await?;
        let sql = "SELECT generation FROM rewind.views WHERE name = $1";
        let client = connection.client.read().await;
        let row = client
            .query_typed_opt(sql, &[(&declared.name, Type::TEXT)])
            .await;
        let row = row.and_then(|row| row.map(|row| row.try_get(0)).transpose());
        row.map_err(|error| Failure::from(error).into_error())
    }

    /// Lets the view show a generation: at once for whoever queries it.
    async fn switch(&self, declared: &KeptTable, to: &Target) -> Result<(), Failure> {
        let connection = self.rows.postgres.open().await?;
        let layout = layout::of(&connection, declared, to).await?;
        let columns = layout.columns.iter();
        let columns: String = columns
            .map(|(_, column)| format!(", {}", quote(column.name)))
            .collect();
        let (view, table) = (quote(declared.name), &layout.table);
        let shows = format!("VIEW {view} AS SELECT key{columns} FROM {table}");
        let mut client = connection.client.write().await;
        let mut transaction = client.transaction().await?;
        own(&transaction).await?;
        let replacing = transaction.savepoint("replacing").await?;
        let replace = format!("CREATE OR REPLACE {shows}");
        match replacing.batch_execute(&replace).await {
            Ok(()) => replacing.commit().await?,
            // Its columns are others: it is made again, unless something of the
            // team's stands on it.
            Err(error) if error.code() == Some(&SqlState::INVALID_TABLE_DEFINITION) => {
                replacing.rollback().await?;
                let again = format!("DROP VIEW {view}; CREATE {shows}");
                transaction.batch_execute(&again).await?;
            }
            Err(error) => return Err(error.into()),
        }
        let number = number(to.generation)?;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&declared.name, Type::TEXT), (&number, Type::INT8)];
        let sql = "INSERT INTO rewind.views (name, generation) VALUES ($1, $2)
                   ON CONFLICT (name) DO UPDATE SET generation = excluded.generation";
        transaction.execute_typed(sql, &parameters).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// The generations that have tables here and are none any more. One that was
    /// opened after `known` was read has a higher number than all in it.
    async fn dropped(&self, declared: &KeptTable, known: &Generations) -> Result<Vec<u64>, Error> {
        let connection = self.rows.postgres.open().await?;
        let sql = "SELECT generation FROM rewind.generations WHERE name = $1 AND generation <= $2";
        let latest = number(known.latest)?;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&declared.name, Type::TEXT), (&latest, Type::INT8)];
        let client = connection.client.read().await;
        let rows = client.query_typed(sql, &parameters).await;
        let rows = rows.and_then(|rows| {
            let numbers = rows.iter().map(|row| row.try_get::<_, i64>(0));
            numbers.collect::<Result<Vec<_>, _>>()
        });
        let rows = rows.map_err(|error| Failure::from(error).into_error())?;
        let numbers = rows
            .into_iter()
            .filter_map(|number| u64::try_from(number).ok());
        Ok(numbers.filter(|number| !known.takes(*number)).collect())
    }

    /// Drops the tables of a generation. Whatever of the team's stands on them
    /// keeps them, and is named in the error.
    async fn drop(&self, declared: &KeptTable, target: &Target) -> Result<(), Failure> {
        let connection = self.rows.postgres.open().await?;
        let generation = target.generation;
        let (table, folds) = (table(declared, generation), folds(declared, generation));
        let mut client = connection.client.write().await;
        let transaction = client.transaction().await?;
        own(&transaction).await?;
        let drop = format!("DROP TABLE IF EXISTS {table}; DROP TABLE IF EXISTS {folds}");
        transaction.batch_execute(&drop).await?;
        let number = number(generation)?;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&declared.name, Type::TEXT), (&number, Type::INT8)];
        let sql = "DELETE FROM rewind.generations WHERE name = $1 AND generation = $2";
        transaction.execute_typed(sql, &parameters).await?;
        transaction.commit().await?;
        connection.forget();
        Ok(())
    }
}
