//! The row that is folded, and the result of the fold.

use rewind::{Projection, Rejection, Selection, StreamName};
use serde_json::Value;

/// A row that was folded from the first event on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refolded {
    /// The row; `None` where nothing made one.
    pub state: Option<Value>,
    /// Up to which version it holds its stream.
    pub watermark: u64,
    /// Why the next event is not in it.
    pub refused: Option<Rejection>,
}

/// Which row is folded, and of what.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The projection.
    pub projection: &'a Projection,
    /// The stream.
    pub stream: &'a StreamName,
    /// The row's key.
    pub key: &'a str,
    /// Which events count, where not all do.
    pub selection: Option<&'a Selection>,
}
