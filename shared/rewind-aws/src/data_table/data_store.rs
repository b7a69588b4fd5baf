//! The data store's table: reads and single writes of its items.

use super::{
    key::Key,
    puts::Puts,
    row::{CONDITION, Row, SECONDARY, Written, item_of, row, secondary_of},
};
use crate::{
    Error,
    aws::item::{Item, batch_get, string},
};
use aws_sdk_dynamodb::{
    Client, error::SdkError, operation::put_item::PutItemError, types::AttributeValue,
};
use jiff::Timestamp;
use rewind::Target;
use std::collections::HashMap;

/// The attribute that `template.yaml` names for DynamoDB's time to live, in
/// seconds since 1970.
const EXPIRES: &str = "expires";

/// The index of rows by their secondary keys: those keys alone, so that a row that
/// keeps its value costs nothing there.
pub const BY_SECONDARY: &str = "by-secondary";

/// The data store's table.
#[derive(Debug, Clone)]
pub struct DataStore {
    pub(super) client: Client,
    pub(super) table: String,
    puts: Puts,
}

impl DataStore {
    /// The data store's table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            puts: Puts::default(),
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

    /// The watermarks of the rows or checkpoints at these keys, strongly consistent,
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
        self.put_until(key, row, seen, None).await
    }

    /// Writes a row over `was`, if nobody has written since `was` was read. Rows
    /// that are written at the same moment share a request.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or refuses the row.
    pub async fn put_over(&self, key: &Key, row: &Row, was: &Row) -> Result<Written, Error> {
        self.puts
            .put(&self.client, &self.table, (key, row, was))
            .await
    }

    /// Writes a row as [`put`](Self::put) does, with the time at which the table
    /// may delete it.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub(crate) async fn put_until(
        &self,
        key: &Key,
        row: &Row,
        seen: u64,
        expires: Option<Timestamp>,
    ) -> Result<Written, Error> {
        let mut item = item_of(key, row, seen + 1)?;
        expire(&mut item, expires);
        let request = self.client.put_item();
        let answer = request
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression(CONDITION)
            .expression_attribute_names("#r", "revision")
            .expression_attribute_values(":seen", AttributeValue::N(seen.to_string()))
            .expression_attribute_values(":none", AttributeValue::N("0".into()))
            .send()
            .await;
        match answer {
            Ok(_) => Ok(Written::Done),
            Err(SdkError::ServiceError(error)) if is_overtaken(error.err()) => Ok(Written::Stale),
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
        self.page(pk, prefix, after, limit, true).await
    }

    /// One page of the keys of a generation's rows with this value of the
    /// secondary key, in order, those that begin with `prefix`, behind the key
    /// `after`; and the key to go on behind, where there are more. It may lag
    /// behind what is written.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn list_by(
        &self,
        target: &Target,
        value: &str,
        prefix: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<(Vec<Key>, Option<String>), Error> {
        let value = AttributeValue::S(secondary_of(&target.to_string(), value));
        let start = after.map(|sk| {
            let mut item = Key::row(target, sk).item();
            item.insert(SECONDARY.into(), value.clone());
            item
        });
        let request = self.client.query();
        let request = request
            .table_name(&self.table)
            .index_name(BY_SECONDARY)
            .expression_attribute_names("#secondary", SECONDARY)
            .expression_attribute_values(":value", value)
            .set_exclusive_start_key(start)
            .limit(limit);
        let request = if prefix.is_empty() {
            request.key_condition_expression("#secondary = :value")
        } else {
            request
                .key_condition_expression("#secondary = :value AND begins_with(sk, :prefix)")
                .expression_attribute_values(":prefix", AttributeValue::S(prefix.to_string()))
        };
        let answer = request.send().await.map_err(Error::call("Query"))?;
        let next = answer.last_evaluated_key().map(|item| string(item, "sk"));
        let next = next.transpose()?.map(ToString::to_string);
        let keys = answer.items().iter().map(|item| {
            Ok(Key {
                pk: string(item, "pk")?.to_string(),
                sk: string(item, "sk")?.to_string(),
            })
        });
        Ok((keys.collect::<Result<_, Error>>()?, next))
    }

    /// One page of the items of a partition, the last key first.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub(crate) async fn list_back(
        &self,
        pk: &str,
        after: Option<&str>,
        limit: i32,
    ) -> Result<(Vec<Item>, Option<String>), Error> {
        self.page(pk, "", after, limit, false).await
    }

    async fn page(
        &self,
        pk: &str,
        prefix: &str,
        after: Option<&str>,
        limit: i32,
        forward: bool,
    ) -> Result<(Vec<Item>, Option<String>), Error> {
        let request = self.client.query();
        let request = request
            .table_name(&self.table)
            .consistent_read(true)
            .scan_index_forward(forward)
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

/// Says when the table may delete an item, where it may.
pub(super) fn expire(item: &mut Item, expires: Option<Timestamp>) {
    if let Some(expires) = expires {
        let seconds = AttributeValue::N(expires.as_second().to_string());
        item.insert(EXPIRES.into(), seconds);
    }
}

fn is_stale(error: &PutItemError) -> bool {
    matches!(error, PutItemError::ConditionalCheckFailedException(_))
}

/// Whether somebody else has written, or writes at the same moment.
fn is_overtaken(error: &PutItemError) -> bool {
    is_stale(error) || matches!(error, PutItemError::TransactionConflictException(_))
}
