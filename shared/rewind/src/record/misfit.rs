//! Why a JSON text is not what a type wants: the path and the expectation,
//! never the value. Messages go to logs and reports, where a payload has no
//! business.

mod reader;

use serde::de::{self, DeserializeOwned, Expected, Unexpected};
use serde_json::Value;
use std::fmt;

/// Why some JSON does not fit a type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// From the inside out.
    path: Vec<Segment>,
    what: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// A field that the type declares.
    Field(&'static str),
    /// A key that the data brought: it may say as much as a value.
    Key,
    /// A place in a list.
    Place(usize),
}

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

impl Misfit {
    fn new(what: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            what: what.into(),
        }
    }

    /// A text that is no JSON: syntax errors name a line and a column.
    pub(crate) fn of_syntax(error: &serde_json::Error) -> Self {
        Self::new(error.to_string())
    }

    fn below(mut self, segment: Segment) -> Self {
        self.path.push(segment);
        self
    }

    /// The place, below a root such as `data`: `data.items[2].price`. `*`
    /// stands for a key that the type does not declare.
    pub fn path(&self, root: &str) -> String {
        let mut path = root.to_string();
        for segment in self.path.iter().rev() {
            match segment {
                Segment::Field(name) => path.extend([".", name]),
                Segment::Key => path.push_str(".*"),
                Segment::Place(place) => path.push_str(&format!("[{place}]")),
            }
        }
        path
    }

    /// What is wrong there, and what was expected.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path("$"), self.what)
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(message: T) -> Self {
        // What a type says in words of its own may quote the value. These do not.
        let message = message.to_string();
        let is_plain = message.starts_with("data did not match any variant of untagged enum ");
        Self::new(if is_plain {
            message
        } else {
            "the type that reads it does not take it".into()
        })
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {}", sort(found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!(
            "expected {expected}, found another {}",
            bare(found)
        ))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {expected}, found {length} elements"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("missing field `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("duplicate field `{field}`"))
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown variant; expected {}", one_of(expected)))
    }

    fn unknown_field(_: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown field; expected {}", one_of(expected)))
    }
}

/// What a value is, without what it holds.
fn sort(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "a whole number",
        Unexpected::Float(_) => "a number with a fraction",
        Unexpected::Char(_) | Unexpected::Str(_) => "a text",
        Unexpected::Bytes(_) => "bytes",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}

fn bare(found: Unexpected<'_>) -> &'static str {
    let sort = sort(found);
    sort.strip_prefix("a ").unwrap_or("one")
}

fn one_of(names: &[&str]) -> String {
    match names {
        [] => "none".into(),
        [name] => format!("`{name}`"),
        names => format!("one of `{}`", names.join("`, `")),
    }
}
