//! Why a JSON text is not what a type wants: the path and the expectation,
//! never the value. Messages go to logs and reports, where a payload has no
//! business.

mod fault;
mod reader;

pub use fault::Misfit;
use serde::de::{self, DeserializeOwned};
use serde_json::Value;

/// Reads a JSON text as a type. A list is no struct, which serde_json would
/// fill from it by place.
///
/// # Errors
///
/// The place that does not fit, and what was expected there.
pub fn decode<T: DeserializeOwned>(text: &str) -> Result<T, Misfit> {
    if text.trim_start().starts_with('[') {
        let value: Value =
            serde_json::from_str(text).map_err(|error| Misfit::new(error.to_string()))?;
        return reader::read(&value);
    }
    serde_json::from_str(text).map_err(|error| match serde_json::from_str(text) {
        Ok(value) => explain::<T>(&value),
        // Syntax errors name a line and a column.
        Err(_) => Misfit::new(error.to_string()),
    })
}

/// Reads a JSON object as a type: nothing but an object.
///
/// # Errors
///
/// See [`decode`].
pub fn decode_object<T: DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    match value {
        Value::Object(_) => reader::read(value),
        other => Err(reader::not_an_object(other)),
    }
}

/// Reads a JSON value as a type.
///
/// # Errors
///
/// See [`decode`].
pub fn decode_value<T: DeserializeOwned>(value: &Value) -> Result<T, Misfit> {
    T::deserialize(value).map_err(|_| explain::<T>(value))
}

/// A value, to be read with errors that are [`Misfit`]s.
pub(crate) fn node(value: &Value) -> impl de::Deserializer<'_, Error = Misfit> {
    reader::node(value)
}

/// What an error of serde_json's says, without what it has found: all of a
/// syntax error, and of the others only those that name an attribute.
pub fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let names_its_own = ["missing field `", "`"];
    let is_plain = names_its_own.iter().any(|start| text.starts_with(start));
    if !error.is_data() || is_plain {
        return text;
    }
    let (line, column) = (error.line(), error.column());
    format!("JSON of another shape at line {line} column {column}")
}

/// Why it failed. serde_json's own errors quote the value: the text is read
/// again, by a reader whose errors do not.
fn explain<T: DeserializeOwned>(value: &Value) -> Misfit {
    let misfit = reader::read::<T>(value).err();
    misfit.unwrap_or_else(|| Misfit::new("does not fit its type"))
}
