//! History: partitions read in recorded order, and streams folded with regard
//! to what was reversed.
//!
//! It knows the events table. It must not write, and must not know the rows of
//! the data store.

pub mod partition;
pub mod resolve;
