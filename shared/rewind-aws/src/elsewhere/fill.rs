//! Filling a generation with history: every stream of the index is compared with
//! the watermark that PostgreSQL has, and what is missing is folded.
//!
//! It is how a table comes to what happened before it was declared, and how a
//! view is sure that a generation is complete before it shows it.

use super::{
    failure::Failure,
    layout::{self, number},
    read_models::ReadModels,
    tend::TOGETHER,
};
use crate::{
    Error,
    history::partition::{self, Cursor},
};
use rewind::{
    Over, Projection, Selection, StreamName, Target,
    stream::{PARTITIONS, partition_name},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio_postgres::types::{ToSql, Type};

/// Commits of the index in one page.
const PAGE: i32 = 500;

/// How far a generation is filled.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Reached {
    partition: String,
    cursor: Option<Cursor>,
}

impl ReadModels {
    /// Fills a generation; says whether it is full. It goes on where it was.
    ///
    /// # Errors
    ///
    /// When PostgreSQL or DynamoDB fails.
    pub(super) async fn fill(
        &self,
        projection: &Projection,
        target: &Target,
        has_time: &impl Fn() -> bool,
    ) -> Result<bool, Error> {
        let reached = match self.filled(target).await? {
            Filled::Full => return Ok(true),
            Filled::TooYoung => return Ok(false),
            Filled::To(reached) => reached,
        };
        let partitions = projection
            .categories
            .iter()
            .flat_map(|category| (0..PARTITIONS).map(move |nth| partition_name(category, nth)));
        let mut partitions: Vec<String> = partitions.collect();
        partitions.sort_unstable();
        for partition in partitions {
            let mut cursor = match &reached {
                Some(reached) if partition < reached.partition => continue,
                Some(reached) if partition == reached.partition => reached.cursor.clone(),
                _ => None,
            };
            loop {
                if !has_time() {
                    return Ok(false);
                }
                let all = Selection::default();
                let page = partition::entries(
                    &self.events,
                    &partition,
                    &all,
                    cursor.as_ref(),
                    u64::MAX,
                    PAGE,
                );
                let page = page.await?;
                let mut expected: BTreeMap<StreamName, u64> = BTreeMap::new();
                for entry in &page.entries {
                    let last = expected.entry(entry.stream.clone()).or_default();
                    *last = entry.last_version().max(*last);
                }
                let behind = self.behind(projection, target, expected).await?;
                for some in behind.chunks(TOGETHER) {
                    if !self.catch_up(some).await?.is_empty() || !has_time() {
                        return Ok(false);
                    }
                }
                cursor = page.cursor.or(cursor);
                let reached = Reached {
                    partition: partition.clone(),
                    cursor: cursor.clone(),
                };
                self.reach(target, Some(&reached)).await?;
                if page.is_last {
                    break;
                }
            }
        }
        self.reach(target, None).await?;
        Ok(true)
    }

    /// Which of these streams a generation holds less of.
    async fn behind(
        &self,
        projection: &Projection,
        target: &Target,
        expected: BTreeMap<StreamName, u64>,
    ) -> Result<Vec<StreamName>, Error> {
        let (kind, id): (&str, fn(&StreamName) -> &str) = match projection.over {
            Over::OneStream => ("row", StreamName::id),
            Over::ManyStreams => ("stream", StreamName::as_str),
        };
        let ids: Vec<&str> = expected.keys().map(id).collect();
        let connection = self.rows.postgres.open().await?;
        let layout = layout::of(&connection, self.rows.table(target)?, target).await;
        let layout = layout.map_err(Failure::into_error)?;
        let sql = format!(
            "SELECT id, watermark FROM {} WHERE kind = $1 AND id = ANY($2)",
            layout.folds
        );
        let client = connection.client.read().await;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&kind, Type::TEXT), (&ids, Type::TEXT_ARRAY)];
        let found = client.query_typed(&sql, &parameters).await;
        let read = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let found = found.and_then(|rows| rows.iter().map(read).collect());
        let found: BTreeMap<String, i64> = found.map_err(failed)?;
        let is_behind = |(stream, last): &(StreamName, u64)| {
            let stands = found.get(id(stream)).copied().unwrap_or_default();
            u64::try_from(stands).unwrap_or_default() < *last
        };
        let behind = expected.into_iter().filter(is_behind);
        Ok(behind.map(|(stream, _)| stream).collect())
    }

    /// How far a generation is filled.
    async fn filled(&self, target: &Target) -> Result<Filled, Error> {
        let connection = self.rows.postgres.open().await?;
        let declared = self.rows.table(target)?;
        let layout = layout::of(&connection, declared, target).await;
        layout.map_err(Failure::into_error)?;
        let sql = "SELECT filled, place, extract(epoch FROM now() - since)::float8
                   FROM rewind.generations WHERE name = $1 AND generation = $2";
        let number = number(target.generation)?;
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&declared.name, Type::TEXT), (&number, Type::INT8)];
        let client = connection.client.read().await;
        let row = client.query_typed_one(sql, &parameters).await;
        let read = row.and_then(|row| {
            let place: Option<String> = row.try_get(1)?;
            Ok((row.try_get(0)?, place, row.try_get(2)?))
        });
        let (is_full, place, age): (bool, Option<String>, f64) = read.map_err(failed)?;
        if is_full {
            return Ok(Filled::Full);
        }
        // What was recorded before the generation took live events has to be in
        // the index.
        if age < self.index_lag.as_secs_f64() {
            return Ok(Filled::TooYoung);
        }
        let place = place.and_then(|place| serde_json::from_str(&place).ok());
        Ok(Filled::To(place))
    }

    /// Notes how far a generation is filled; `None` where it is full.
    async fn reach(&self, target: &Target, reached: Option<&Reached>) -> Result<(), Error> {
        let connection = self.rows.postgres.open().await?;
        let place = reached.map(serde_json::to_string).transpose();
        let place = place.map_err(|error| Error::damaged(target.to_string(), error))?;
        let (is_full, number) = (reached.is_none(), number(target.generation)?);
        let sql = "UPDATE rewind.generations SET place = $3, filled = $4
                   WHERE name = $1 AND generation = $2";
        let name = self.rows.table(target)?.name;
        let parameters: [(&(dyn ToSql + Sync), Type); 4] = [
            (&name, Type::TEXT),
            (&number, Type::INT8),
            (&place, Type::TEXT),
            (&is_full, Type::BOOL),
        ];
        let client = connection.client.read().await;
        let done = client.execute_typed(sql, &parameters).await;
        done.map(drop).map_err(failed)
    }
}

enum Filled {
    Full,
    TooYoung,
    /// So far; `None` where nothing is.
    To(Option<Reached>),
}

fn failed(error: tokio_postgres::Error) -> Error {
    Failure::from(error).into_error()
}
