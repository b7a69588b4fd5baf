//! What playbacks work with, and how they end.

use super::record::Playback;
use crate::{
    Error, aws::producer::Stream, data_table::data_store::DataStore,
    event_table::event_store::EventStore, history::tail::SETTLES,
};
use rewind::{Problem, Service};
use std::time::Duration;

/// How long the index may lag behind the table (DynamoDB: "within a fraction
/// of a second, under normal conditions").
pub const INDEX_LAG: Duration = Duration::from_secs(2);

/// Makes playbacks, plays them, and does with them what the operator wants.
/// Each of these has a file of its own.
#[derive(Debug)]
pub struct Player {
    pub(super) service: Service,
    pub(super) events: EventStore,
    pub(super) store: DataStore,
    pub(super) replay: Stream,
    /// What takes what was approved.
    pub(super) incoming: Option<Stream>,
    pub(super) index_lag: Duration,
    /// How long a position may be on its way into the index.
    pub(super) settles: Duration,
}

/// How an invocation of a playback ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Ended {
    /// The playback is over, it waits for the operator, or another invocation
    /// plays it.
    Over(Box<Playback>),
    /// The deadline came: it needs another invocation.
    Unfinished(Box<Playback>),
}

/// Why a playback does not go on.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// A service failed: another invocation goes on.
    #[error(transparent)]
    Service(#[from] Error),
}

impl Player {
    /// A player that sends to the stream `replay`.
    pub fn new(service: Service, events: EventStore, store: DataStore, replay: Stream) -> Self {
        Self {
            service,
            events,
            store,
            replay,
            incoming: None,
            index_lag: INDEX_LAG,
            settles: SETTLES,
        }
    }

    /// With another time that the index may lag behind the table: a test knows
    /// that of its own, and that nobody appends slowly.
    #[must_use]
    pub fn with_index_lag(mut self, lag: Duration) -> Self {
        self.index_lag = lag;
        self.with_settling(lag)
    }

    /// With another time that a position may be on its way into the index.
    #[must_use]
    pub fn with_settling(mut self, settles: Duration) -> Self {
        self.settles = settles;
        self
    }
}
