//! The events table: claims of identities, inserts of commits, reads of a
//! stream and of the index.
//!
//! It knows the table's keys and its index. It inserts and reads, and must not
//! change or delete anything. It must not know the data store.

pub mod event_store;
pub(crate) mod scan;
