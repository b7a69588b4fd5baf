//! The data store: rows with their watermarks, transactions, and the records
//! that readers keep: stalls, dead letters, undeclared types, incidents, and how
//! far they have come in a shard.
//!
//! It knows the table's keys and the limits of an item. It must not know
//! generations, nor what the events table holds.

pub mod began;
pub mod behind;
pub mod data_store;
pub mod dead_letter;
mod delete;
pub mod incident;
pub(crate) mod item_limits;
pub(crate) mod kept_fold;
pub mod key;
mod puts;
pub(crate) mod record;
pub mod row;
pub mod row_store;
mod scan;
pub mod shard;
pub mod stall;
pub mod telling;
pub mod transaction;
pub mod undeclared;
