//! What all tasks of one event source mapping share.

use std::sync::Arc;

use tokio::sync::watch;

use super::dead_letters::DeadLetters;
use super::reader::Source;
use crate::runtime::Runtime;
use crate::state::disk::Disk;
use crate::template::{Function, Mapping};

/// An event source mapping with everything that it needs at work.
#[derive(Debug)]
pub(crate) struct Trigger {
    pub mapping: Mapping,
    pub function: Function,
    pub source: Source,
    pub runtime: Arc<Runtime>,
    pub dead_letters: Arc<DeadLetters>,
    pub disk: Disk,
    /// Turns true when no more batches are to begin.
    pub closing: watch::Receiver<bool>,
}
