//! The table itself: its client, its name, and what a batch remembers of it.

use super::{batch_cache::BatchCache, slices::Known};
use aws_sdk_dynamodb::Client;
use std::sync::Arc;

/// The events table.
#[derive(Debug, Clone)]
pub struct EventStore {
    pub(super) client: Client,
    pub(super) table: String,
    /// What was read already, where one batch shares its reads.
    pub(super) cache: Option<Arc<BatchCache>>,
    /// What is known of the slices of partitions.
    pub(super) slices: Arc<Known>,
}

impl EventStore {
    /// The events table of this name.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            cache: None,
            slices: Arc::default(),
        }
    }

    /// The same table for the length of one batch: what one reader of a stream
    /// reads, the other readers of that stream find. It holds some megabytes of
    /// events at most, and forgets the ones that were used least recently.
    /// Events do not change, so nothing that it holds becomes wrong.
    #[must_use]
    pub fn for_one_batch(&self) -> Self {
        Self {
            cache: Some(Arc::default()),
            ..self.clone()
        }
    }
}
