//! Where rows and checkpoints are kept: the data store, or another database that
//! keeps the same promises.
//!
//! A projector works on any of them, so that rows of each come from one code
//! path. What it needs is small: reads that see all that is written, and a
//! transaction that fails where somebody else has written since.

use super::{
    data_store::DataStore,
    key::Key,
    row::{Row, Written},
    transaction::Write,
};
use crate::Error;
use futures::{FutureExt, future::BoxFuture};
use std::{collections::HashMap, fmt::Debug};

/// What comes of a call.
pub type Doing<'a, T> = BoxFuture<'a, Result<T, Error>>;

/// Keeps rows and checkpoints with their watermarks.
pub trait RowStore: Debug + Send + Sync {
    /// The rows at these keys, strongly consistent. A key without a row is not
    /// in the answer.
    fn rows<'a>(&'a self, keys: &'a [Key]) -> Doing<'a, HashMap<Key, Row>>;

    /// Writes a row over `was`, if nobody has written since `was` was read.
    fn put<'a>(&'a self, key: &'a Key, row: &'a Row, was: &'a Row) -> Doing<'a, Written>;

    /// Writes together, or nothing at all. [`Error::Rejected`] says that the
    /// store will never take what the rows hold.
    fn write_together<'a>(&'a self, writes: &'a [Write]) -> Doing<'a, Written>;
}

impl RowStore for DataStore {
    fn rows<'a>(&'a self, keys: &'a [Key]) -> Doing<'a, HashMap<Key, Row>> {
        Self::rows(self, keys).boxed()
    }

    fn put<'a>(&'a self, key: &'a Key, row: &'a Row, was: &'a Row) -> Doing<'a, Written> {
        self.put_over(key, row, was).boxed()
    }

    fn write_together<'a>(&'a self, writes: &'a [Write]) -> Doing<'a, Written> {
        Self::write_together(self, writes).boxed()
    }
}
