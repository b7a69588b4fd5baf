//! History: partitions read in recorded order, and streams folded with regard
//! to what was reversed.
//!
//! It knows the events table. It must not write, and must not know the rows of
//! the data store.

mod fold;
pub mod merged;
pub mod partition;
pub mod resolve;
mod resolved;
mod reversals;
mod shared_row;
mod sized;
mod subject;
pub mod tail;
pub mod trace;
