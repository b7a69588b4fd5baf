//! A row's state: as it is stored, and for people.

use serde_json::Value;

pub(super) use crate::data_table::row::stored_form;

/// A state for people.
pub(super) fn shown(state: Option<&Value>) -> String {
    state.map_or("no state".to_string(), Value::to_string)
}
