//! Rows of the data store's kind, kept in PostgreSQL.

use super::{
    connection::{Connection, PATIENCE, Postgres},
    failure::{Failure, OPERATION},
    layout::{self, Layout},
    names::{Kind, Place, place},
    reports,
    statement::Statement,
};
use crate::{
    Error,
    data_table::{
        data_store::DataStore,
        key::Key,
        row::{Row, Written},
        row_store::{Doing, RowStore},
        transaction::Write,
    },
};
use futures::{FutureExt, future::join_all};
use rewind::{KeptTable, Service, Target};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};
use tokio_postgres::types::{ToSql, Type};

/// How often a call is tried: once more, on a new connection, where the one
/// before is of no use any more. A function that Lambda has frozen has such one.
const ATTEMPTS: u32 = 2;

/// The rows in PostgreSQL.
#[derive(Debug)]
pub(super) struct PostgresRows {
    pub service: Service,
    pub postgres: Postgres,
    /// Where reports of stalls stand, and long folds that are under way.
    pub store: DataStore,
}

/// A row to be written.
struct Put<'a> {
    place: Place,
    row: &'a Row,
    seen: u64,
}

impl RowStore for PostgresRows {
    fn rows<'a>(&'a self, keys: &'a [Key]) -> Doing<'a, HashMap<Key, Row>> {
        self.read(keys).boxed()
    }

    fn put<'a>(&'a self, key: &'a Key, row: &'a Row, was: &'a Row) -> Doing<'a, Written> {
        async move {
            let (place, seen) = (known(key)?, was.revision);
            self.write(&[Put { place, row, seen }]).await
        }
        .boxed()
    }

    fn write_together<'a>(&'a self, writes: &'a [Write]) -> Doing<'a, Written> {
        async move {
            let mut puts = Vec::new();
            let mut beside = Vec::new();
            for write in writes {
                match write {
                    Write::Put { key, row, seen } => puts.push(Put {
                        place: known(key)?,
                        row,
                        seen: *seen,
                    }),
                    Write::Replace { .. } | Write::Delete { .. } | Write::Remove { .. } => {
                        beside.push(write);
                    }
                }
            }
            let written = self.write(&puts).await?;
            if written == Written::Done {
                // A report that is not written now is when tables are tended.
                reports::pass_on(&self.store, &beside).await?;
            }
            Ok(written)
        }
        .boxed()
    }
}

impl PostgresRows {
    /// The table of a projection.
    pub fn table(&self, target: &Target) -> Result<&KeptTable, Error> {
        let projection = self.service.projection(&target.projection);
        let table = projection.and_then(|projection| projection.table.as_ref());
        table.ok_or_else(|| Error::damaged(target.to_string(), "its projection has no table"))
    }

    async fn read(&self, keys: &[Key]) -> Result<HashMap<Key, Row>, Error> {
        let mut wanted: BTreeMap<Target, HashMap<Place, &Key>> = BTreeMap::new();
        for key in keys {
            let place = known(key)?;
            // What holds a NUL is refused when it is written.
            if !place.id.contains('\0') {
                let of = wanted.entry(place.target.clone()).or_default();
                of.insert(place, key);
            }
        }
        for attempt in 1.. {
            let connection = self.postgres.open().await?;
            let reading = self.read_on(&connection, &wanted);
            match self.settled(&connection, attempt, reading).await {
                Some(read) => return read,
                None => continue,
            }
        }
        Ok(HashMap::new())
    }

    async fn read_on(
        &self,
        connection: &Connection,
        wanted: &BTreeMap<Target, HashMap<Place, &Key>>,
    ) -> Result<HashMap<Key, Row>, Failure> {
        let mut rows = HashMap::new();
        for (target, places) in wanted {
            let layout = layout::of(connection, self.table(target)?, target).await?;
            let ids = |kind: Kind| -> Vec<&str> {
                let of_kind = places.keys().filter(|place| place.kind == kind);
                of_kind.map(|place| place.id.as_str()).collect()
            };
            let sql = format!(
                "SELECT kind, id, state::text, watermark, revision, stalled FROM {}
                 WHERE (kind = 'row' AND id = ANY($1)) OR (kind = 'stream' AND id = ANY($2))",
                layout.folds
            );
            let (of_rows, of_streams) = (ids(Kind::Row), ids(Kind::Stream));
            let parameters: [(&(dyn ToSql + Sync), Type); 2] = [
                (&of_rows, Type::TEXT_ARRAY),
                (&of_streams, Type::TEXT_ARRAY),
            ];
            let client = connection.client.read().await;
            for found in client.query_typed(&sql, &parameters).await? {
                let kind = match found.try_get::<_, &str>(0)? {
                    "row" => Kind::Row,
                    _ => Kind::Stream,
                };
                let place = Place {
                    target: target.clone(),
                    kind,
                    id: found.try_get(1)?,
                };
                if let Some(key) = places.get(&place) {
                    rows.insert((*key).clone(), row_of(&place, &found)?);
                }
            }
        }
        Ok(rows)
    }

    async fn write(&self, puts: &[Put<'_>]) -> Result<Written, Error> {
        for attempt in 1.. {
            let connection = self.postgres.open().await?;
            let writing = async {
                match self.write_on(&connection, puts).await {
                    Err(Failure::Stale) => Ok(Written::Stale),
                    written => written,
                }
            };
            match self.settled(&connection, attempt, writing).await {
                Some(written) => return written,
                None => continue,
            }
        }
        Ok(Written::Stale)
    }

    async fn write_on(
        &self,
        connection: &Connection,
        puts: &[Put<'_>],
    ) -> Result<Written, Failure> {
        let mut statements = Vec::with_capacity(puts.len());
        let mut puts: Vec<&Put<'_>> = puts.iter().collect();
        // All writers lock rows in one order, so that none waits for another one
        // that waits for it.
        puts.sort_by(|a, b| {
            (a.place.kind.text(), &a.place.id).cmp(&(b.place.kind.text(), &b.place.id))
        });
        for Put { place, row, seen } in puts {
            let table = self.table(&place.target)?;
            let layout = layout::of(connection, table, &place.target).await?;
            let statement = match row.stalled.is_some()
                && place.kind == Kind::Row
                && self
                    .is_at(connection, &layout, place, row.watermark)
                    .await?
            {
                true => Statement::note(&layout, place, row, *seen),
                false => Statement::put(table, &layout, place, row, *seen)?,
            };
            statements.push(statement);
        }
        if let [statement] = statements.as_slice() {
            let sql = statement.sql();
            let client = connection.client.read().await;
            let written = client.query_typed(&sql, &statement.parameters()).await?;
            return Ok(match written.is_empty() {
                true => Written::Stale,
                false => Written::Done,
            });
        }
        let mut client = connection.client.write().await;
        let transaction = client.transaction().await?;
        // Sent at once, done one after the other.
        let written = statements.iter().map(async |statement| {
            let parameters = statement.parameters();
            transaction.query_typed(&statement.sql(), &parameters).await
        });
        for written in join_all(written).await {
            if written?.is_empty() {
                return Ok(Written::Stale);
            }
        }
        transaction.commit().await?;
        Ok(Written::Done)
    }

    /// Whether a row stands at a watermark already: then it is only noted why it
    /// does not go on. Its columns stay, whatever they would be refused for now.
    async fn is_at(
        &self,
        connection: &Connection,
        layout: &Layout,
        place: &Place,
        watermark: u64,
    ) -> Result<bool, Failure> {
        let sql = format!(
            "SELECT watermark FROM {} WHERE kind = $1 AND id = $2",
            layout.folds
        );
        let kind = place.kind.text();
        let parameters: [(&(dyn ToSql + Sync), Type); 2] =
            [(&kind, Type::TEXT), (&place.id, Type::TEXT)];
        let client = connection.client.read().await;
        let found = client.query_typed_opt(&sql, &parameters).await?;
        let stands = match found {
            Some(found) => found.try_get::<_, i64>(0)?,
            None => 0,
        };
        Ok(u64::try_from(stands) == Ok(watermark))
    }

    /// What came of a call; `None` where it is to be tried again. A write that
    /// may have been done finds others' revision when it is repeated.
    async fn settled<T>(
        &self,
        connection: &Arc<Connection>,
        attempt: u32,
        call: impl Future<Output = Result<T, Failure>>,
    ) -> Option<Result<T, Error>> {
        let done = tokio::time::timeout(PATIENCE, call).await;
        let failure = match done {
            Ok(Ok(done)) => return Some(Ok(done)),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Gone("it does not answer".into()),
        };
        match &failure {
            Failure::Error(_) | Failure::Stale => return Some(Err(failure.into_error())),
            Failure::Gone(_) => self.postgres.leave(connection).await,
            Failure::Moved(_) => connection.forget(),
        }
        (attempt >= ATTEMPTS).then(|| Err(failure.into_error()))
    }
}

/// A row as it is stored.
fn row_of(place: &Place, found: &tokio_postgres::Row) -> Result<Row, Failure> {
    let damaged = |why: String| Error::damaged(format!("{} in {OPERATION}", place.id), why);
    let number = |value: i64| u64::try_from(value).map_err(|error| damaged(error.to_string()));
    let state: Option<&str> = found.try_get(2)?;
    let state = state.map(serde_json::from_str).transpose();
    Ok(Row {
        state: state.map_err(|error| damaged(error.to_string()))?,
        watermark: number(found.try_get(3)?)?,
        revision: number(found.try_get(4)?)?,
        stalled: found.try_get(5)?,
        ..Row::default()
    })
}

/// The place of a row or checkpoint.
fn known(key: &Key) -> Result<Place, Error> {
    let unknown = || Error::damaged(format!("{}/{}", key.pk, key.sk), "no row lies there");
    place(key).ok_or_else(unknown)
}
