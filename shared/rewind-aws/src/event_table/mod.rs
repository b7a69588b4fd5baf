//! The events table: claims of identities, inserts of commits, reads of a
//! stream, of its reversals and of the index.
//!
//! It knows the table's keys and its index. It inserts and reads, and must not
//! change or delete anything. It must not know the data store.

mod batch_cache;
mod chain;
mod claims;
pub mod event_store;
pub mod index;
mod insert;
mod item;
mod link;
mod names;
mod numbered;
pub(crate) mod scan;
pub mod slices;
mod streams;
mod table;
mod together;
