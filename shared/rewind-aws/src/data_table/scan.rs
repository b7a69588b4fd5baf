//! The data store as it lies there: item by item, a damaged one beside the
//! others.

use super::{
    data_store::DataStore,
    key::Key,
    row::{Row, row},
};
use crate::{
    Error,
    aws::item::{Item, string},
};

/// Items in one page of a scan. A page also ends at 1 MB.
const SCANNED: i32 = 500;

impl DataStore {
    /// One page of all items, strongly consistent, and where the next one
    /// starts; `None` behind the last.
    pub(crate) async fn scan(
        &self,
        start: Option<Item>,
    ) -> Result<(Vec<Item>, Option<Item>), Error> {
        let answer = self.client.scan();
        let answer = answer
            .table_name(&self.table)
            .consistent_read(true)
            .set_exclusive_start_key(start)
            .limit(SCANNED)
            .send()
            .await
            .map_err(Error::call("Scan"))?;
        let next = answer.last_evaluated_key().cloned();
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// The items at these keys, strongly consistent, each as a row or as why
    /// it is none.
    pub(crate) async fn rows_or_damage(
        &self,
        keys: &[Key],
    ) -> Result<Vec<(Key, Result<Row, Error>)>, Error> {
        let items = self.batch_get(keys, &[]).await?;
        let rows = items.into_iter().map(|item| {
            let key = Key {
                pk: string(&item, "pk")?.to_string(),
                sk: string(&item, "sk")?.to_string(),
            };
            Ok((key, row(item).map(|(_, row)| row)))
        });
        rows.collect()
    }
}
