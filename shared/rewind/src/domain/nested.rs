//! Data that is nested too deep: to write it down, or only to forget it whole,
//! takes a stack as deep as itself.

use crate::{Rejection, cloudevents::MAX_DEPTH};
use serde_json::Value;

/// Refuses data that is nested too deep, and empties it.
pub(crate) fn take_apart_if_too_deep(data: &mut Value) -> Result<(), Rejection> {
    let mut level: Vec<&Value> = vec![data];
    let mut depth = 0;
    while !level.is_empty() && depth <= MAX_DEPTH {
        level = level.into_iter().flat_map(parts).collect();
        depth += 1;
    }
    if level.is_empty() {
        return Ok(());
    }
    let mut whole = vec![data.take()];
    while let Some(value) = whole.pop() {
        match value {
            Value::Array(values) => whole.extend(values),
            Value::Object(fields) => whole.extend(fields.into_iter().map(|(_, value)| value)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Err(Rejection::new(format!(
        "`data` JSON nested more than {MAX_DEPTH} levels deep is not accepted"
    )))
}

fn parts(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(values) => Box::new(values.iter()),
        Value::Object(fields) => Box::new(fields.values()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Box::new(std::iter::empty())
        }
    }
}
