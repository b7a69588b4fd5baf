//! The events table item by item, for readers that do not trust what an item
//! holds: the auditor and the health check.

use super::{
    index::INDEX,
    item::{commit, key, text},
    table::EventStore,
};
use crate::{
    Error,
    aws::item::{Item, batch_get, string},
};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::Commit;
use std::collections::BTreeSet;

/// Items in one page of a scan. A page also ends at 1 MB.
const SCANNED: i32 = 500;

/// Entries of the index in one page of a scan for categories: they are small.
const CATEGORIES: i32 = 5_000;

/// Commits in one page of a stream.
const PAGE: i32 = 50;

/// A page of items, and where the next one starts; `None` behind the last.
pub(crate) type Items = (Vec<Item>, Option<Item>);

impl EventStore {
    /// The keys of one page of all items, claims included, strongly consistent.
    pub(crate) async fn scan_keys(&self, start: Option<Item>) -> Result<Items, Error> {
        let answer = self.client.scan();
        let answer = answer
            .table_name(&self.table)
            .consistent_read(true)
            .projection_expression("#s, #v")
            .expression_attribute_names("#s", "stream")
            .expression_attribute_names("#v", "version")
            .set_exclusive_start_key(start)
            .limit(SCANNED)
            .send()
            .await
            .map_err(Error::call("Scan"))?;
        let next = answer.last_evaluated_key().cloned();
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// One page of all entries of the index.
    pub(crate) async fn scan_index(&self, start: Option<Item>) -> Result<Items, Error> {
        let answer = self.client.scan();
        let answer = answer
            .table_name(&self.table)
            .index_name(INDEX)
            .set_exclusive_start_key(start)
            .limit(SCANNED)
            .send()
            .await
            .map_err(Error::call("Scan"))?;
        let next = answer.last_evaluated_key().cloned();
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// The categories that hold any event, whether or not a service knows them:
    /// rules write where nobody may read. All of the index is read for it.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn categories(&self) -> Result<BTreeSet<String>, Error> {
        let mut categories = BTreeSet::new();
        let mut start = None;
        loop {
            let answer = self.client.scan();
            let answer = answer
                .table_name(&self.table)
                .index_name(INDEX)
                .projection_expression("#c")
                .expression_attribute_names("#c", "slice")
                .set_exclusive_start_key(start)
                .limit(CATEGORIES)
                .send()
                .await
                .map_err(Error::call("Scan"))?;
            for item in answer.items() {
                let partition = string(item, "slice")?;
                let category = partition
                    .rsplit_once('#')
                    .map_or(partition, |(name, _)| name);
                if !categories.contains(category) {
                    categories.insert(category.to_string());
                }
            }
            start = answer.last_evaluated_key;
            if start.is_none() {
                return Ok(categories);
            }
        }
    }

    /// One page of a stream's items, strongly consistent, and where the next
    /// one starts.
    pub(crate) async fn items(&self, stream: &str, start: Option<Item>) -> Result<Items, Error> {
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("#s = :s")
            .expression_attribute_names("#s", "stream")
            .expression_attribute_values(":s", text(stream))
            .set_exclusive_start_key(start)
            .limit(PAGE)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        let next = answer.last_evaluated_key().cloned();
        Ok((answer.items.unwrap_or_default(), next))
    }

    /// The entries of the index at one place.
    pub(crate) async fn entries_at(
        &self,
        partition: &str,
        position: u64,
    ) -> Result<Vec<Item>, Error> {
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#c = :c AND #p = :p")
            .expression_attribute_names("#c", "slice")
            .expression_attribute_names("#p", "position")
            .expression_attribute_values(":c", text(partition))
            .expression_attribute_values(":p", AttributeValue::N(position.to_string()))
            .limit(SCANNED)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        Ok(answer.items.unwrap_or_default())
    }

    /// The items that claim these identities, strongly consistent.
    pub(crate) async fn claim_items(&self, identities: &[String]) -> Result<Vec<Item>, Error> {
        let keys = identities.iter();
        let keys = keys.map(|identity| key(&format!("#{identity}"), 0));
        batch_get(&self.client, &self.table, keys.collect(), &[]).await
    }

    /// About how many items there are: what DynamoDB counted last. For
    /// progress, never for a verdict.
    pub(crate) async fn estimated_items(&self) -> u64 {
        let answer = self.client.describe_table().table_name(&self.table);
        let answer = answer.send().await.ok();
        let count = answer.and_then(|answer| answer.table?.item_count);
        count.unwrap_or_default().max(0) as u64
    }
}

/// An item as a commit.
pub(crate) fn commit_of(item: &Item) -> Result<Commit, Error> {
    commit(item)
}
