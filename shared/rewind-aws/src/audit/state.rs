//! A row's state: as it is stored, and for people.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

/// A state as it comes back from the data store: DynamoDB has one kind of
/// number, so that 1.0 comes back as 1.
pub(super) fn stored_form(state: Value) -> Value {
    let stored: Result<AttributeValue, _> = serde_dynamo::to_attribute_value(&state);
    let read = stored.and_then(serde_dynamo::from_attribute_value);
    read.unwrap_or(state)
}

/// A state for people.
pub(super) fn shown(state: Option<&Value>) -> String {
    state.map_or("no state".to_string(), Value::to_string)
}
