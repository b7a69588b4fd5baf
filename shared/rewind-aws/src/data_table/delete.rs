//! Deletions: everything in the data store but the operator's records can be
//! rebuilt from the events table.

use super::{data_store::DataStore, key::Key};
use crate::{
    Error,
    aws::{item::Item, retry},
};
use aws_sdk_dynamodb::types::{DeleteRequest, WriteRequest};

/// Requests in one BatchWriteItem call (AWS documentation).
const MAX_BATCH_WRITES: usize = 25;

impl DataStore {
    /// Deletes an item, where there is one.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn delete(&self, key: &Key) -> Result<(), Error> {
        let request = self.client.delete_item().table_name(&self.table);
        let request = request.set_key(Some(key.item()));
        let answer = request.send().await.map_err(Error::call("DeleteItem"));
        answer.map(drop)
    }

    /// Deletes everything: rows, checkpoints and the operator's records. The events
    /// table has all that it takes to rebuild the rows. Says how many items
    /// there were.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails; what is deleted by then stays deleted.
    pub async fn delete_all(&self) -> Result<u64, Error> {
        let mut deleted = 0;
        let mut start = None;
        loop {
            let page = self.client.scan().table_name(&self.table);
            let page = page.projection_expression("pk, sk").limit(1000);
            let page = page.set_exclusive_start_key(start).send().await;
            let page = page.map_err(Error::call("Scan"))?;
            for chunk in page.items().chunks(MAX_BATCH_WRITES) {
                self.delete_batch(chunk).await?;
                deleted += chunk.len() as u64;
            }
            start = page.last_evaluated_key().cloned();
            if start.is_none() {
                return Ok(deleted);
            }
        }
    }

    /// Deletes the items of a partition whose keys begin with `prefix`.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails; what is deleted by then stays deleted.
    pub async fn delete_partition(&self, pk: &str, prefix: &str) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let (items, next) = self.list(pk, prefix, after.as_deref(), 500).await?;
            let keys = items.into_iter().map(|mut item| {
                item.retain(|name, _| name == "pk" || name == "sk");
                item
            });
            for chunk in keys.collect::<Vec<_>>().chunks(MAX_BATCH_WRITES) {
                self.delete_batch(chunk).await?;
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn delete_batch(&self, keys: &[Item]) -> Result<(), Error> {
        let delete = |key: &Item| {
            let delete = DeleteRequest::builder().set_key(Some(key.clone())).build();
            let delete = delete.map_err(Error::service("BatchWriteItem"))?;
            Ok(WriteRequest::builder().delete_request(delete).build())
        };
        let mut wanted = keys.iter().map(delete).collect::<Result<Vec<_>, Error>>()?;
        for attempt in 1.. {
            let request = self.client.batch_write_item();
            let request = request.request_items(&self.table, wanted).send().await;
            let mut answer = request.map_err(Error::call("BatchWriteItem"))?;
            let rest = answer.unprocessed_items.as_mut();
            match rest.and_then(|tables| tables.remove(&self.table)) {
                Some(rest) if !rest.is_empty() && attempt <= retry::ATTEMPTS => wanted = rest,
                Some(rest) if !rest.is_empty() => {
                    return Err(Error::Service {
                        operation: "BatchWriteItem",
                        reason: format!("{} deletions stay unprocessed", rest.len()),
                    });
                }
                _ => break,
            }
            retry::wait(attempt).await;
        }
        Ok(())
    }
}
