//! The index: commits by recorded order, without their events. It is
//! eventually consistent: it may lag behind the table.
//!
//! A partition is read as one, however many slices it has: entries are in order
//! of positions, and those of one position in order of slices.

use super::{
    item::{key, stream_of, text},
    table::EventStore,
};
use crate::{
    Error,
    aws::item::{Item, number},
};
use aws_sdk_dynamodb::types::AttributeValue;
use futures::{StreamExt, TryStreamExt, stream};
use rewind::{StreamName, selection::Span, stream::slice_name};
use serde::{Deserialize, Serialize};
use std::{
    cmp::{Ordering, Reverse},
    ops::Range,
};

/// The index of commits by recorded order.
pub const INDEX: &str = "by-position";

/// Slices of a partition that are read side by side.
const SLICES_AT_ONCE: usize = 16;

/// A page takes at least so many entries of each slice: they are as cheap as one.
const LEAST: usize = 20;

/// Where a partition was read up to: its last commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The commit's first position.
    pub position: u64,
    /// Its stream.
    pub stream: StreamName,
    /// Its first version.
    pub version: u64,
    /// The slice of the partition that it lies in.
    #[serde(default, skip_serializing_if = "is_first")]
    pub slice: u16,
}

fn is_first(slice: &u16) -> bool {
    *slice == 0
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
    /// The slice of the partition that it lies in.
    pub slice: u16,
}

impl Entry {
    /// The place behind it.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            position: self.position,
            stream: self.stream.clone(),
            version: self.version,
            slice: self.slice,
        }
    }

    /// Its place in the order of its partition.
    fn order(&self) -> (u64, u16) {
        (self.position, self.slice)
    }

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
    /// One page of a partition of a category's index, in recorded order: `limit`
    /// entries at most. The index is eventually consistent: it may lag behind the
    /// table.
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
        let slices = self.raises().await?.read(category_of(partition));
        if slices == 1 {
            return self.read_slice((partition, 0), after, limit).await;
        }
        let most = usize::try_from(limit).unwrap_or(1).max(1);
        let share = most.div_ceil(usize::from(slices)).max(LEAST.min(most));
        let pages = (0..slices).map(|slice| {
            let place = (partition, slice);
            async move {
                self.read_slice(place, &behind(after, slice), share as i32)
                    .await
            }
        });
        let pages = stream::iter(pages).buffered(SLICES_AT_ONCE);
        Ok(merged(pages.try_collect().await?, most))
    }

    async fn read_slice(
        &self,
        (partition, slice): (&str, u16),
        after: &After,
        limit: i32,
    ) -> Result<IndexPage, Error> {
        let name = slice_name(partition, slice);
        let (from, start) = match after {
            After::Position(position) => (*position, None),
            After::Commit(place) => {
                let mut start = key(place.stream.as_str(), place.version);
                let position = AttributeValue::N(place.position.to_string());
                start.insert("slice".to_string(), text(&name));
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
            .expression_attribute_values(":c", text(&name))
            .expression_attribute_values(":p", AttributeValue::N(from.to_string()))
            .set_exclusive_start_key(start)
            .limit(limit)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        let entries = answer.items().iter().map(|item| entry(item, slice));
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
        let slices = self.raises().await?.read(category_of(partition));
        let within = &within;
        let parts = (0..slices).map(|slice| async move {
            let place = (partition, slice);
            self.last_of_slice(place, within, limit).await
        });
        let parts = stream::iter(parts).buffered(SLICES_AT_ONCE);
        let parts: Vec<Vec<Entry>> = parts.try_collect().await?;
        let mut entries = parts.concat();
        entries.sort_by_key(|entry| Reverse(entry.order()));
        entries.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(entries)
    }

    async fn last_of_slice(
        &self,
        (partition, slice): (&str, u16),
        within: &Range<u64>,
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
            .expression_attribute_values(":c", text(&slice_name(partition, slice)))
            .expression_attribute_values(":from", number(within.start))
            .expression_attribute_values(":to", number(within.end.saturating_sub(1)))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await
            .map_err(Error::call("Query"))?;
        let entries = answer.items().iter().map(|item| entry(item, slice));
        entries.collect()
    }
}

/// Where a slice goes on, where its partition was read to a place.
fn behind(after: &After, slice: u16) -> After {
    match after {
        After::Commit(place) => match slice.cmp(&place.slice) {
            // Of this position, it was read.
            Ordering::Less => After::Position(place.position.saturating_add(1)),
            Ordering::Equal => after.clone(),
            Ordering::Greater => After::Position(place.position),
        },
        After::Position(_) => after.clone(),
    }
}

/// The pages of a partition's slices as one: so far as all of them were read.
fn merged(pages: Vec<IndexPage>, most: usize) -> IndexPage {
    // Behind the end of a page, its slice may have entries that come first.
    let ends = pages.iter().filter(|page| page.has_more);
    let end = ends
        .filter_map(|page| Some(page.entries.last()?.order()))
        .min();
    let mut has_more = end.is_some();
    let mut entries: Vec<Entry> = pages.into_iter().flat_map(|page| page.entries).collect();
    if let Some(end) = end {
        entries.retain(|entry| entry.order() <= end);
    }
    // Stable: a slice keeps its order within a position.
    entries.sort_by_key(Entry::order);
    has_more |= entries.len() > most;
    entries.truncate(most);
    IndexPage { entries, has_more }
}

fn category_of(partition: &str) -> &str {
    let parts = partition.rsplit_once('#');
    parts.map_or(partition, |(category, _)| category)
}

fn entry(item: &Item, slice: u16) -> Result<Entry, Error> {
    Ok(Entry {
        stream: stream_of(item, "stream")?,
        version: number(item, "version")?,
        length: number(item, "length")?,
        position: number(item, "position")?,
        slice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(slice: u16, positions: &[u64], has_more: bool) -> IndexPage {
        let entries = positions.iter().map(|&position| Entry {
            stream: StreamName::new(format!("cart-{slice}")).unwrap(),
            version: position,
            length: 1,
            position,
            slice,
        });
        IndexPage {
            entries: entries.collect(),
            has_more,
        }
    }

    fn orders(page: &IndexPage) -> Vec<(u64, u16)> {
        page.entries.iter().map(Entry::order).collect()
    }

    #[test]
    fn slices_are_one_partition_as_far_as_all_were_read() {
        let pages = vec![page(0, &[1, 4, 5, 9], true), page(1, &[2, 5, 6], true)];
        let all = merged(pages.clone(), 10);
        assert_eq!(
            orders(&all),
            [(1, 0), (2, 1), (4, 0), (5, 0), (5, 1), (6, 1)]
        );
        assert!(all.has_more);
        let some = merged(pages, 4);
        assert_eq!(orders(&some), [(1, 0), (2, 1), (4, 0), (5, 0)]);
        assert!(some.has_more);
        let pages = vec![page(0, &[1, 4], false), page(1, &[], false)];
        let all = merged(pages, 10);
        assert_eq!((orders(&all), all.has_more), (vec![(1, 0), (4, 0)], false));
    }

    #[test]
    fn a_page_goes_on_behind_the_last_entry_in_each_slice() {
        let last = page(2, &[7], true).entries.remove(0).cursor();
        let after = After::Commit(last);
        assert_eq!(behind(&after, 1), After::Position(8));
        assert_eq!(behind(&after, 2), after);
        assert_eq!(behind(&after, 3), After::Position(7));
    }
}
