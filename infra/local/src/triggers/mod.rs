//! Lambda's event source mappings: streams that invoke functions.
//!
//! The room knows shards, batches, retries and dead letters, as Lambda documents them. It does not know what a record
//! holds. From the bottom up:
//!
//! - `event`, `verdict`, `batch`: pure rules of what a function gets, what it answers, and what is tried again;
//! - `checkpointer`, `checkpoints`: up to where a shard is finished, and where that is kept;
//! - `reader`: reads a shard, of the embedded Kinesis or behind an endpoint;
//! - `dead_letters`: keeps what is given up on;
//! - `key_group`: gathers batches and invokes, one batch after the other;
//! - `poller`: one task for each shard, which reads it and shares its records out to the key groups. There are as many
//!   of them as the mapping's ParallelizationFactor says. A partition key stays in its group, so its records keep their
//!   order;
//! - `mapping`: one task for each mapping, which follows the stream's shards.

mod batch;
mod checkpointer;
mod checkpoints;
mod dead_letters;
mod event;
mod key_group;
mod mapping;
mod poller;
mod reader;
mod trigger;
mod verdict;

pub(crate) use checkpoints::Checkpoints;
pub(crate) use dead_letters::{DeadLetters, Object};
pub(crate) use mapping::start;
pub(crate) use reader::Source;
pub(crate) use trigger::Trigger;
