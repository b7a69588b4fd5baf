//! A row as readers see it.

use rewind::{Over, Projection};
use rewind_aws::data_table::row::Row;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A row in an answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Row")]
pub(crate) struct Shown {
    pub(crate) key: String,
    /// Up to which version of its stream it holds; only over one stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) watermark: Option<u64>,
    pub(crate) state: Value,
    /// Why the next event is not in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stalled: Option<String>,
}

/// A row as readers see it. One that only says why its first event is not in
/// it has nothing to show.
pub(crate) fn shown(projection: &Projection, key: String, row: Row) -> Option<Shown> {
    let is_single = projection.over == Over::OneStream;
    Some(Shown {
        key,
        watermark: is_single.then_some(row.watermark),
        state: row.state?,
        stalled: row.stalled,
    })
}
