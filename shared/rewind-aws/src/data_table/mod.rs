//! The data store: rows with their watermarks, transactions, and the records
//! that readers keep: stalls, undeclared types, and how far they have come in a
//! shard.
//!
//! It knows the table's keys and the limits of an item. It must not know
//! generations, nor what the events table holds.

pub mod data_store;
pub(crate) mod item_limits;
pub(crate) mod kept_fold;
mod scan;
pub mod shard;
pub mod stall;
pub mod undeclared;
