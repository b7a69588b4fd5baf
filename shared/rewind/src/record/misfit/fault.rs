//! Why some JSON does not fit: the path and the expectation.

use serde::de::{self, Expected, Unexpected};
use std::fmt;

/// Why some JSON does not fit a type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Misfit {
    /// From the inside out.
    path: Vec<Segment>,
    what: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field that the type declares.
    Field(&'static str),
    /// A key that the data brought: it may say as much as a value.
    Key,
    /// A place in a list.
    Place(usize),
}

impl Misfit {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            what: what.into(),
        }
    }

    /// A text that is no JSON: syntax errors name a line and a column.
    pub(crate) fn of_syntax(error: &serde_json::Error) -> Self {
        Self::new(error.to_string())
    }

    pub(super) fn below(mut self, segment: Segment) -> Self {
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
