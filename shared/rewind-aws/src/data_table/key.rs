//! Where an item of the data store lies.
//!
//! A row or checkpoint lies in one of [`PARTITIONS`] partitions of its owner, by
//! the part of its key before the first `/`, so that no owner's writes meet in
//! one DynamoDB partition and rows under one prefix can be listed in order.

use crate::aws::item::Item;
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::{
    Target,
    stream::{PARTITIONS, partition_of},
};
use std::collections::HashMap;

/// Where an item lies.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The partition.
    pub pk: String,
    /// The place within it.
    pub sk: String,
}

impl Key {
    /// The row of a projection's generation.
    pub fn row(target: &Target, key: &str) -> Self {
        Self::partitioned(&target.to_string(), '#', key)
    }

    /// The checkpoint of a reader, such as `products@1` or `adapter/shop`, for a
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

    pub(super) fn item(&self) -> Item {
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

/// The partitions of a reader's checkpoints.
pub(crate) fn checkpoint_partitions(reader: &str) -> impl Iterator<Item = String> {
    (0..PARTITIONS).map(move |partition| format!("{reader}~{partition}"))
}

/// The partition of the rows whose keys begin with `prefix/`.
pub fn prefix_partition(target: &Target, prefix: &str) -> String {
    Key::row(target, prefix).pk
}
