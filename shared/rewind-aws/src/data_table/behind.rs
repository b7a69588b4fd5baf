//! Streams that a store beside the data store has not taken: its server was
//! down. Each stands in a list until it has caught up.

use super::{
    data_store::DataStore,
    key::Key,
    record::{Records, Versioned},
};
use crate::{Error, aws::clock::now};
use aws_sdk_dynamodb::{
    error::SdkError, operation::delete_item::DeleteItemError, types::AttributeValue,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use rewind::StreamName;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The list.
static BEHIND: Records<Behind> = Records::new("rewind#behind");

/// Marks under way at once.
const CONCURRENCY: usize = 16;

/// A stream that a store has not taken to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behind {
    /// The store, such as `postgres`.
    pub store: String,
    /// The stream.
    pub stream: StreamName,
    /// Since when.
    pub since: Timestamp,
}

/// A stream of the list, as it was read.
#[derive(Debug, Clone)]
pub struct Marked {
    /// What the list says.
    pub behind: Behind,
    key: Key,
    /// Which mark it is: each has a number of its own, so that nobody takes off
    /// the list what was marked since.
    mark: u64,
}

/// Puts streams on the list. Those that stand there are marked again, and keep
/// their time.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn mark(
    table: &DataStore,
    store: &str,
    streams: &BTreeSet<&StreamName>,
) -> Result<(), Error> {
    let keys: Vec<Key> = streams.iter().map(|stream| key(store, stream)).collect();
    let known = table.rows(&keys).await?;
    let marks = streams.iter().zip(&keys).map(|(stream, key)| {
        let state = known.get(key).and_then(|row| row.state.clone());
        let before = state.and_then(|state| serde_json::from_value::<Behind>(state).ok());
        let behind = Behind {
            store: store.to_string(),
            stream: (*stream).clone(),
            since: before.map_or_else(now, |before| before.since),
        };
        async move {
            let mut row = BEHIND.row(&key.sk, &behind)?;
            row.revision = rand::random_range(1..=u64::from(u32::MAX) << 20);
            table.replace(key, &row).await
        }
    });
    let marks = stream::iter(marks).buffer_unordered(CONCURRENCY);
    marks.try_collect().await
}

/// One page of the list of a store, and where the next one begins.
///
/// # Errors
///
/// When DynamoDB fails or an entry is damaged.
pub async fn list(
    table: &DataStore,
    store: &str,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<Marked>, Option<String>), Error> {
    let (page, next) = BEHIND
        .page(table, &format!("{store} "), after, limit)
        .await?;
    let page = page.into_iter().map(|(id, record)| Marked {
        key: BEHIND.key(&id),
        behind: record.value,
        mark: record.revision,
    });
    Ok((page.collect(), next))
}

/// How many streams each store is behind with, of the first so many of the list,
/// and since when.
///
/// # Errors
///
/// When DynamoDB fails or an entry is damaged.
pub(crate) async fn stores(
    table: &DataStore,
    limit: i32,
) -> Result<BTreeMap<String, (u64, Timestamp)>, Error> {
    let (page, _) = BEHIND.page(table, "", None, limit).await?;
    let mut stores = BTreeMap::new();
    for (_, Versioned { value, .. }) in page {
        let (count, since) = stores.entry(value.store).or_insert((0, value.since));
        *count += 1;
        *since = value.since.min(*since);
    }
    Ok(stores)
}

/// Takes a stream off the list, unless it was marked again since it was read.
///
/// # Errors
///
/// When DynamoDB fails.
pub async fn clear(table: &DataStore, marked: &Marked) -> Result<(), Error> {
    let request = table.client.delete_item().table_name(&table.table);
    let request = request
        .set_key(Some(marked.key.item()))
        .condition_expression("#r = :seen")
        .expression_attribute_names("#r", "revision")
        .expression_attribute_values(":seen", AttributeValue::N(marked.mark.to_string()));
    match request.send().await {
        Ok(_) => Ok(()),
        Err(SdkError::ServiceError(error)) if is_marked_again(error.err()) => Ok(()),
        Err(error) => Err(Error::call("DeleteItem")(error)),
    }
}

fn is_marked_again(error: &DeleteItemError) -> bool {
    matches!(error, DeleteItemError::ConditionalCheckFailedException(_))
}

fn key(store: &str, stream: &StreamName) -> Key {
    BEHIND.key(&format!("{store} {stream}"))
}
