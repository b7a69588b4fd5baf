//! The data store: projection rows with their watermarks, and the marks of
//! readers that keep a watermark apart from their rows.
//!
//! A row or mark lies in one of [`PARTITIONS`] partitions of its owner, by the
//! part of its key before the first `/`, so that no owner's writes meet in one
//! DynamoDB partition and rows under one prefix can be listed in order.

use crate::{
    Error,
    aws::{
        item::{Item, batch_get, number, string},
        retry,
    },
};
use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, transact_write_items::TransactWriteItemsError},
    types::{
        AttributeValue, CancellationReason, Delete, DeleteRequest, Put, TransactWriteItem,
        WriteRequest,
    },
};
use rewind::{
    Target,
    stream::{PARTITIONS, partition_of},
};
use serde_json::Value;
use std::collections::HashMap;

/// Items in one transaction (AWS documentation).
pub const MAX_TRANSACTION_ITEMS: usize = 100;

/// The most bytes that a transaction of Rewind's writes. The limit is 4 MB.
pub const MAX_TRANSACTION_BYTES: usize = 3_500_000;

/// The most bytes that a row's state may take. An item's limit is 400 KB.
pub const MAX_ROW_BYTES: usize = 380_000;

/// Requests in one BatchWriteItem call (AWS documentation).
const MAX_BATCH_WRITES: usize = 25;

/// The data store's table.
#[derive(Debug, Clone)]
pub struct DataStore {
    pub(super) client: Client,
    pub(super) table: String,
}

/// Where an item lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place within it.
    pub sk: String,
}

/// A row or a mark as stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// What the projection made of the events; marks have none.
    pub state: Option<Value>,
    /// Up to which version it holds its stream; 0 for rows of many streams.
    pub watermark: u64,
    /// How often it was written; what a writer must have seen.
    pub revision: u64,
    /// Why the event behind the watermark is not in it.
    pub stalled: Option<String>,
}

/// A write of a transaction.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A row, if nobody has written it since `seen`: as [`DataStore::put`] does.
    Put {
        /// Where it lies.
        key: Key,
        /// What it is to be.
        row: Row,
        /// The revision that was read; 0 where there was none.
        seen: u64,
    },
    /// A report, whatever stands there.
    Replace {
        /// Where it lies.
        key: Key,
        /// What it is to be.
        row: Row,
    },
    /// The end of a report, where there is one.
    Delete {
        /// Where it lies.
        key: Key,
    },
}

/// What a conditional write found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// Somebody else has written since it was read.
    Stale,
}

impl Key {
    /// The row of a projection's generation.
    pub fn row(target: &Target, key: &str) -> Self {
        Self::partitioned(&target.to_string(), '#', key)
    }

    /// The mark of a reader, such as `products@1` or `adapter/shop`, for a
    /// stream.
    pub fn checkpoint(reader: &str, stream: &str) -> Self {
        Self::partitioned(reader, '~', stream)
    }

    fn partitioned(owner: &str, separator: char, key: &str) -> Self {
        let partition = partition_of(key.split('/').next().unwrap_or(key));
        Self {
            pk: format!("{owner}{separator}{partition}"),
            sk: key.to_string(),
        }
    }

    fn item(&self) -> Item {
        HashMap::from([
            ("pk".to_string(), AttributeValue::S(self.pk.clone())),
            ("sk".to_string(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

/// The partitions of a generation's rows.
pub fn row_partitions(target: &Target) -> impl Iterator<Item = String> {
    (0..PARTITIONS).map(move |partition| format!("{target}#{partition}"))
}

/// The partitions of a reader's marks.
pub(crate) fn checkpoint_partitions(reader: &str) -> impl Iterator<Item = String> {
    (0..PARTITIONS).map(move |partition| format!("{reader}~{partition}"))
}

/// The partition of the rows whose keys begin with `prefix/`.
pub fn prefix_partition(target: &Target, prefix: &str) -> String {
    Key::row(target, prefix).pk
}

impl DataStore {
    /// The data store's table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
        }
    }

    /// The rows at these keys, strongly consistent. A key without a row is not
    /// in the answer.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a row is damaged.
    pub async fn rows(&self, keys: &[Key]) -> Result<HashMap<Key, Row>, Error> {
        let items = self.batch_get(keys, &[]).await?;
        items.into_iter().map(row).collect()
    }

    /// The watermarks of the rows or marks at these keys, strongly consistent,
    /// without what else they hold.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or a row is damaged.
    pub async fn watermarks(&self, keys: &[Key]) -> Result<HashMap<Key, u64>, Error> {
        let items = self.batch_get(keys, &["pk", "sk", "watermark"]).await?;
        let items = items.into_iter().map(row);
        items
            .map(|read| read.map(|(key, row)| (key, row.watermark)))
            .collect()
    }

    /// The watermark at each of these keys, and whether it is stalled there.
    pub(crate) async fn reached(&self, keys: &[Key]) -> Result<HashMap<Key, (u64, bool)>, Error> {
        let only = ["pk", "sk", "watermark", "stalled"];
        let items = self.batch_get(keys, &only).await?.into_iter().map(row);
        let reached = items.map(|read| {
            let (key, row) = read?;
            Ok((key, (row.watermark, row.stalled.is_some())))
        });
        reached.collect()
    }

    pub(super) async fn batch_get(&self, keys: &[Key], only: &[&str]) -> Result<Vec<Item>, Error> {
        let mut keys: Vec<&Key> = keys.iter().collect();
        keys.sort_unstable();
        keys.dedup();
        let keys = keys.into_iter().map(Key::item).collect();
        batch_get(&self.client, &self.table, keys, only).await
    }

    /// Writes a row if nobody has since `seen`, the revision that was read (0
    /// where there was none).
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn put(&self, key: &Key, row: &Row, seen: u64) -> Result<Written, Error> {
        let request = self.client.put_item();
        let answer = request
            .table_name(&self.table)
            .set_item(Some(item_of(key, row, seen + 1)?))
            .condition_expression(CONDITION)
            .expression_attribute_names("#r", "revision")
            .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
            .expression_attribute_values(":none", AttributeValue::N("0".into()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Written::Done),
            Err(SdkError::ServiceError(error)) if is_stale(error.err()) => Ok(Written::Stale),
            Err(error) => Err(Error::call("PutItem")(error)),
        }
    }

    /// Writes a row whatever stands there: for reports, never for folds.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn replace(&self, key: &Key, row: &Row) -> Result<(), Error> {
        let request = self.client.put_item().table_name(&self.table);
        let request = request.set_item(Some(item_of(key, row, row.revision)?));
        let answer = request.send().await.map_err(Error::call("PutItem"));
        answer.map(drop)
    }

    /// Writes a record of how far something has come, unless one that has come
    /// further stands there.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn advance(&self, key: &Key, row: &Row) -> Result<(), Error> {
        let request = self.client.put_item().table_name(&self.table);
        let request = request
            .set_item(Some(item_of(key, row, row.revision)?))
            .condition_expression("attribute_not_exists(pk) OR #w <= :w")
            .expression_attribute_names("#w", "watermark")
            .expression_attribute_values(":w", AttributeValue::N(row.watermark.to_string()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(error)) if is_stale(error.err()) => Ok(()),
            Err(error) => Err(Error::call("PutItem")(error)),
        }
    }

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

    /// Deletes everything: rows, marks and the operator's records. The events
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

    /// Writes together, or nothing at all.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn write_together(&self, writes: &[Write]) -> Result<Written, Error> {
        let items = writes.iter().map(|write| {
            let item = TransactWriteItem::builder();
            Ok(match write {
                Write::Put { key, row, seen } => {
                    let put = Put::builder()
                        .table_name(&self.table)
                        .set_item(Some(item_of(key, row, seen + 1)?))
                        .condition_expression(CONDITION)
                        .expression_attribute_names("#r", "revision")
                        .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
                        .expression_attribute_values(":none", AttributeValue::N("0".into()));
                    item.put(put.build().map_err(Error::service("TransactWriteItems"))?)
                }
                Write::Replace { key, row } => {
                    let put = Put::builder().table_name(&self.table);
                    let put = put.set_item(Some(item_of(key, row, row.revision)?));
                    item.put(put.build().map_err(Error::service("TransactWriteItems"))?)
                }
                Write::Delete { key } => {
                    let delete = Delete::builder().table_name(&self.table);
                    let delete = delete.set_key(Some(key.item())).build();
                    item.delete(delete.map_err(Error::service("TransactWriteItems"))?)
                }
            }
            .build())
        });
        let items = items.collect::<Result<Vec<_>, Error>>()?;
        let request = self.client.transact_write_items();
        let answer = request.set_transact_items(Some(items)).send().await;
        match answer {
            Ok(_) => Ok(Written::Done),
            Err(SdkError::ServiceError(error)) if is_contended(error.err()) => Ok(Written::Stale),
            Err(SdkError::ServiceError(error)) if is_cancelled(error.err()) => {
                Err(cancelled(error.err()))
            }
            Err(error) => Err(Error::call("TransactWriteItems")(error)),
        }
    }

    /// One page of the items of a partition whose keys begin with `prefix`, in
    /// order, behind `after`; and the key to go on behind, where there are more.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn list(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<(Vec<Item>, Option<String>), Error> {
        let request = self.client.query();
        let request = request
            .table_name(&self.table)
            .consistent_read(true)
            .expression_attribute_values(":pk", AttributeValue::S(pk.to_string()))
            .limit(limit);
        let request = if prefix.is_empty() {
            request.key_condition_expression("pk = :pk")
        } else {
            request
                .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_string()))
        };
        let start = after.map(|sk| {
            Key {
                pk: pk.to_string(),
                sk: sk.to_string(),
            }
            .item()
        });
        let request = request.set_exclusive_start_key(start);
        let answer = request.send().await.map_err(Error::call("Query"))?;
        let next = answer.last_evaluated_key().map(|item| string(item, "sk"));
        let next = next.transpose()?.map(ToString::to_string);
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// One item, strongly consistent.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the row is damaged.
    pub async fn get(&self, key: &Key) -> Result<Option<Row>, Error> {
        let request = self.client.get_item();
        let answer = request
            .table_name(&self.table)
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(Error::call("GetItem"))?;
        let found = answer.item.map(row).transpose()?;
        Ok(found.map(|(_, row)| row))
    }
}

/// Nobody has written since the revision that was read.
const CONDITION: &str = "#r = :seen OR (:seen = :none AND attribute_not_exists(pk))";

fn is_stale(error: &PutItemError) -> bool {
    matches!(error, PutItemError::ConditionalCheckFailedException(_))
}

/// The reasons of a cancelled transaction; none where it failed otherwise.
fn reasons(error: &TransactWriteItemsError) -> &[CancellationReason] {
    match error {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            cancelled.cancellation_reasons()
        }
        _ => &[],
    }
}

/// Whether a transaction was cancelled because others have written, or write
/// at the same moment. Both are settled by reading again.
fn is_contended(error: &TransactWriteItemsError) -> bool {
    let mut codes = reasons(error).iter().filter_map(CancellationReason::code);
    codes.any(|code| matches!(code, "ConditionalCheckFailed" | "TransactionConflict"))
}

fn is_cancelled(error: &TransactWriteItemsError) -> bool {
    matches!(
        error,
        TransactWriteItemsError::TransactionCanceledException(_)
    )
}

/// Why a transaction was cancelled: for good where one of its items is refused
/// for what it holds.
fn cancelled(error: &TransactWriteItemsError) -> Error {
    let operation = "TransactWriteItems";
    let told = reasons(error).iter().find_map(|reason| {
        let code = reason.code().filter(|code| *code != "None")?;
        let words = format!("{code}: {}", reason.message().unwrap_or_default());
        Some((
            matches!(code, "ValidationError" | "ItemCollectionSizeLimitExceeded"),
            words,
        ))
    });
    match told {
        Some((true, reason)) => Error::Rejected { operation, reason },
        Some((false, reason)) => Error::Service { operation, reason },
        None => Error::Service {
            operation,
            reason: "cancelled without a reason".into(),
        },
    }
}

fn item_of(key: &Key, row: &Row, revision: u64) -> Result<Item, Error> {
    let mut item = key.item();
    if let Some(state) = &row.state {
        let state = serde_dynamo::to_attribute_value(state);
        let state: AttributeValue = state.map_err(|error| Error::Rejected {
            operation: "writing a row",
            reason: error.to_string(),
        })?;
        item.insert("state".into(), state);
    }
    if row.watermark > 0 {
        let watermark = AttributeValue::N(row.watermark.to_string());
        item.insert("watermark".into(), watermark);
    }
    if let Some(reason) = &row.stalled {
        item.insert("stalled".into(), AttributeValue::S(reason.clone()));
    }
    item.insert("revision".into(), AttributeValue::N(revision.to_string()));
    Ok(item)
}

/// A stored item as a row with its key.
///
/// # Errors
///
/// When an attribute is not what Rewind writes.
pub fn row(mut item: Item) -> Result<(Key, Row), Error> {
    let key = Key {
        pk: string(&item, "pk")?.to_string(),
        sk: string(&item, "sk")?.to_string(),
    };
    let optional = |name: &str| match item.contains_key(name) {
        true => number(&item, name),
        false => Ok(0),
    };
    let (watermark, revision) = (optional("watermark")?, optional("revision")?);
    let stalled = item.get("stalled").and_then(|value| value.as_s().ok());
    let stalled = stalled.cloned();
    let state = match item.remove("state") {
        Some(state) => Some(
            serde_dynamo::from_attribute_value(state)
                .map_err(|error| Error::damaged(format!("row {}/{}", key.pk, key.sk), error))?,
        ),
        None => None,
    };
    let row = Row {
        state,
        watermark,
        revision,
        stalled,
    };
    Ok((key, row))
}
