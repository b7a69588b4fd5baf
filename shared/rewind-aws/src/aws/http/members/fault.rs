//! What is wrong with a member, without the value that it has.

use serde::de::{Error, Expected, Unexpected};
use std::fmt::{self, Display};

/// What is wrong, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// Where the value stands that is not taken; `None` as long as nobody has
    /// said.
    path: Option<String>,
    /// Which of its members it is about, where it is about one.
    member: Option<&'static str>,
    /// As `member`, where it is none that is known.
    stranger: Option<String>,
    why: String,
}

impl Fault {
    fn new(why: String) -> Self {
        Self {
            path: None,
            member: None,
            stranger: None,
            why,
        }
    }

    /// As found at a place; the innermost place that is said stands.
    pub fn at(mut self, path: &str) -> Self {
        self.path.get_or_insert_with(|| path.to_string());
        self
    }

    /// The path of the member; empty where all is meant.
    pub fn field(&self) -> String {
        let path = self.path.as_deref().unwrap_or_default();
        match self.member.or(self.stranger.as_deref()) {
            Some(member) => below(path, member),
            None => path.to_string(),
        }
    }
}

/// The path of a member.
pub(super) fn below(path: &str, member: &str) -> String {
    match path.is_empty() {
        true => member.to_string(),
        false => format!("{path}.{member}"),
    }
}

impl Error for Fault {
    fn custom<T: Display>(why: T) -> Self {
        Self::new(why.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, not {}", plain(expected), kind(found)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}", plain(expected)))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}", plain(expected)))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(format!("expected one of {}", known.join(", ")))
    }

    fn unknown_field(member: &str, known: &'static [&'static str]) -> Self {
        let mut fault = Self::new(match known {
            [] => "there is no such member".into(),
            known => format!("there is no such member; there are {}", known.join(", ")),
        });
        fault.stranger = Some(member.to_string());
        fault
    }

    fn missing_field(member: &'static str) -> Self {
        let mut fault = Self::new("is missing".into());
        fault.member = Some(member);
        fault
    }

    fn duplicate_field(member: &'static str) -> Self {
        let mut fault = Self::new("stands twice".into());
        fault.member = Some(member);
        fault
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for Fault {}

/// What was found, in words of JSON's.
fn kind(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "true or false",
        Unexpected::Unsigned(_) => "a whole number",
        Unexpected::Signed(_) => "a negative number",
        Unexpected::Float(_) => "a number of this size or with a fraction",
        Unexpected::Unit | Unexpected::Option => "null",
        Unexpected::Seq => "an array",
        Unexpected::Map => "an object",
        _ => "a text",
    }
}

/// What was expected, in words of JSON's where serde says it in Rust's.
fn plain(expected: &dyn Expected) -> String {
    match &*expected.to_string() {
        "u64" => format!("a whole number from 0 to {}", u64::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "a boolean" => "true or false".into(),
        "a string" => "a text".into(),
        "a sequence" => "an array".into(),
        other => other.into(),
    }
}
