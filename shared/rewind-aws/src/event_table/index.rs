//! The index: commits by recorded order, without their events. It is
//! eventually consistent: it may lag behind the table.

use super::{
    item::{key, stream_of, text},
    table::EventStore,
};
use crate::{
    Error,
    aws::item::{Item, number},
};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::{StreamName, selection::Span};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The index of commits by recorded order.
pub const INDEX: &str = "by-position";

/// Where a partition was read up to: its last commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The commit's first position.
    pub position: u64,
    /// Its stream.
    pub stream: StreamName,
    /// Its first version.
    pub version: u64,
}

/// Some entries of the index, in order.
#[derive(Debug, Clone)]
pub struct IndexPage {
    /// The commits' places.
    pub entries: Vec<Entry>,
    /// Whether there may be more behind the last one.
    pub has_more: bool,
}

/// Where a page of the index starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// At the first entry at or above this position.
    Position(u64),
    /// Behind this commit.
    Commit(Cursor),
}

/// Where a commit stands in its category's recorded order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its stream.
    pub stream: StreamName,
    /// Its first version.
    pub version: u64,
    /// Its number of events.
    pub length: u64,
    /// Its first position.
    pub position: u64,
}

impl Entry {
    /// What it says of the commit's events.
    pub fn span(&self) -> Span<'_> {
        Span {
            stream: &self.stream,
            version: self.version,
            length: self.length,
            position: self.position,
        }
    }

    /// The version of the last event.
    pub fn last_version(&self) -> u64 {
        self.version + self.length - 1
    }
}

impl EventStore {
    /// One page of a partition of a category's index, in recorded order. The index
    /// is eventually consistent: it may lag behind the table.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn read_index(
        &self,
        partition: &str,
        after: &After,
        limit: i32,
    ) -> Result<IndexPage, Error> {
        let (from, start) = match after {
            After::Position(position) => (*position, None),
            After::Commit(place) => {
                let mut start = key(place.stream.as_str(), place.version);
                let position = AttributeValue::N(place.position.to_string());
                start.insert("slice".to_string(), text(partition));
                start.insert("position".to_string(), position);
                (place.position, Some(start))
            }
        };
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#c = :c AND #p >= :p")
            .expression_attribute_names("#c", "slice")
            .expression_attribute_names("#p", "position")
            .expression_attribute_values(":c", text(partition))
            .expression_attribute_values(":p", AttributeValue::N(from.to_string()))
            .set_exclusive_start_key(start)
            .limit(limit)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        let entries = answer.items().iter().map(entry);
        Ok(IndexPage {
            entries: entries.collect::<Result<_, Error>>()?,
            has_more: answer.last_evaluated_key().is_some(),
        })
    }

    /// The last entry of a partition below a position.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the entry is damaged.
    pub async fn last_entry(&self, partition: &str, until: u64) -> Result<Option<Entry>, Error> {
        Ok(self.last_entries(partition, 0..until, 1).await?.pop())
    }

    /// The last entries of a partition within a range of positions, which must not
    /// be empty; the last one first.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn last_entries(
        &self,
        partition: &str,
        within: Range<u64>,
        limit: i32,
    ) -> Result<Vec<Entry>, Error> {
        let number = |number: u64| AttributeValue::N(number.to_string());
        let answer = self.client.query();
        let answer = answer
            .table_name(&self.table)
            .index_name(INDEX)
            .key_condition_expression("#c = :c AND #p BETWEEN :from AND :to")
            .expression_attribute_names("#c", "slice")
            .expression_attribute_names("#p", "position")
            .expression_attribute_values(":c", text(partition))
            .expression_attribute_values(":from", number(within.start))
            .expression_attribute_values(":to", number(within.end.saturating_sub(1)))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        answer.items().iter().map(entry).collect()
    }
}

fn entry(item: &Item) -> Result<Entry, Error> {
    Ok(Entry {
        stream: stream_of(item, "stream")?,
        version: number(item, "version")?,
        length: number(item, "length")?,
        position: number(item, "position")?,
    })
}
