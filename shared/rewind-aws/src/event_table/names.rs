//! The streams by name: an index that holds the first commit of each stream.
//! It is eventually consistent: it may lag behind the table.
//!
//! A stream that was recorded before there was an attribute `born` is not in it.

use super::{
    item::{stream_of, text},
    table::EventStore,
};
use crate::{Error, aws::item::number};
use aws_sdk_dynamodb::{
    operation::query::builders::QueryFluentBuilder,
    types::{AttributeValue, Select},
};
use futures::future::try_join_all;
use rewind::{
    StreamName,
    stream::{PARTITIONS, partition_of},
};
use std::collections::BTreeSet;

/// The index of streams by name.
pub const BY_NAME: &str = "by-name";

/// Behind every text that begins with what stands before it.
const LAST: char = char::MAX;

/// A stream, and when it began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its name.
    pub stream: StreamName,
    /// The position of its first event.
    pub position: u64,
}

/// How many streams there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counted {
    /// So many were counted.
    pub streams: u64,
    /// Whether there are more than were counted.
    pub has_more: bool,
}

/// The part of the index that a stream lies in: one of eight, so that no
/// partition takes all new streams.
pub(super) fn born(stream: &StreamName) -> String {
    partition_of(stream.as_str()).to_string()
}

impl EventStore {
    /// The streams whose names begin with `prefix`, behind the name `after`, by
    /// name: `limit` of them, fewer where there are no more. Takes eight requests.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn named(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Named>, Error> {
        let range = Range::new(prefix, after);
        let parts = (0..PARTITIONS).map(|part| self.named_in(part, &range, limit));
        let mut found = try_join_all(parts).await?.concat();
        found.sort_unstable_by(|a, b| a.stream.cmp(&b.stream));
        found.truncate(limit);
        Ok(found)
    }

    /// The categories that have streams. Takes as many requests one behind the
    /// other as there are categories, eight side by side: each of them finds the
    /// first stream behind a category.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or an entry is damaged.
    pub async fn named_categories(&self) -> Result<BTreeSet<String>, Error> {
        let parts = (0..PARTITIONS).map(|part| self.categories_in(part));
        Ok(try_join_all(parts).await?.into_iter().flatten().collect())
    }

    /// How many streams a category has: as far as one page of each part of the
    /// index tells, some ten thousand names each.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub async fn count_named(&self, category: &str) -> Result<Counted, Error> {
        let range = &Range::new(&format!("{category}-"), None);
        let counts = (0..PARTITIONS).map(|part| async move {
            let query = self.names(part).select(Select::Count);
            let answer = range.clone().of(query).send().await;
            let answer = answer.map_err(Error::call("Query"))?;
            let has_more = answer.last_evaluated_key().is_some();
            Ok::<_, Error>((answer.count().max(0) as u64, has_more))
        });
        let counts = try_join_all(counts).await?;
        Ok(Counted {
            streams: counts.iter().map(|(streams, _)| streams).sum(),
            has_more: counts.iter().any(|(_, has_more)| *has_more),
        })
    }

    async fn named_in(&self, part: u8, range: &Range, limit: usize) -> Result<Vec<Named>, Error> {
        let limit = i32::try_from(limit).unwrap_or(i32::MAX).max(1);
        let query = range.clone().of(self.names(part)).limit(limit);
        let answer = query.send().await.map_err(Error::call("Query"))?;
        let named = answer.items().iter().map(|item| {
            Ok(Named {
                stream: stream_of(item, "stream")?,
                position: number(item, "position")?,
            })
        });
        named.collect()
    }

    async fn categories_in(&self, part: u8) -> Result<BTreeSet<String>, Error> {
        let mut categories = BTreeSet::new();
        let mut range = Range::new("", None);
        while let Some(named) = self.named_in(part, &range, 1).await?.into_iter().next() {
            let category = named.stream.category();
            // No character of a name is below `-`, and `.` is the next above it.
            range.from = format!("{category}.");
            categories.insert(category.to_string());
        }
        Ok(categories)
    }

    fn names(&self, part: u8) -> QueryFluentBuilder {
        let query = self.client.query().table_name(&self.table);
        query
            .index_name(BY_NAME)
            .key_condition_expression("#b = :b AND #s BETWEEN :from AND :to")
            .expression_attribute_names("#b", "born")
            .expression_attribute_names("#s", "stream")
            .expression_attribute_values(":b", text(&part.to_string()))
    }
}

/// Names from one to another, both ends included.
#[derive(Debug, Clone)]
struct Range {
    from: String,
    to: String,
}

impl Range {
    fn new(prefix: &str, after: Option<&str>) -> Self {
        let from = match after {
            // The least text above a name.
            Some(after) if after >= prefix => format!("{after}\0"),
            _ if prefix.is_empty() => "\0".to_string(),
            _ => prefix.to_string(),
        };
        let to = format!("{prefix}{LAST}");
        // DynamoDB refuses a range whose end lies before its begin.
        let from = from.min(to.clone());
        Self { from, to }
    }

    fn of(self, query: QueryFluentBuilder) -> QueryFluentBuilder {
        query
            .expression_attribute_values(":from", AttributeValue::S(self.from))
            .expression_attribute_values(":to", AttributeValue::S(self.to))
    }
}
