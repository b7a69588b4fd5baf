//! What a batch has done, counted where it is done: what fails later does not
//! take it back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// What the folds of one batch have written. They share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    applied: AtomicUsize,
    rows: AtomicUsize,
}

impl Tally {
    /// So many rows were written, which now hold so many events more.
    pub fn wrote(&self, rows: usize, applied: usize) {
        self.0.rows.fetch_add(rows, Ordering::Relaxed);
        self.0.applied.fetch_add(applied, Ordering::Relaxed);
    }

    /// How many events were folded into rows, each row of one stream counted.
    pub fn applied(&self) -> usize {
        self.0.applied.load(Ordering::Relaxed)
    }

    /// How many rows were written.
    pub fn rows(&self) -> usize {
        self.0.rows.load(Ordering::Relaxed)
    }
}
