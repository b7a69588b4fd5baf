//! Rows kept in another database: PostgreSQL holds the tables that projections
//! declare, beside the data store.
//!
//! It is a [`Projector`](crate::project::projector::Projector) with another
//! [`RowStore`](crate::data_table::row_store::RowStore): so rows are folded by
//! the code that folds those of the data store, and keep watermarks, checkpoints
//! and stalls of their own. The data store's records of generations are the
//! truth, and what PostgreSQL could not take stands in the data store. It must
//! not know HTTP, nor playbacks.

mod connection;
mod failure;
mod fill;
mod follow;
mod layout;
mod names;
pub mod read_models;
mod reports;
mod rows;
pub mod settings;
mod statement;
pub mod tend;
