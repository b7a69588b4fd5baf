//! A line of an import: an event in CloudEvents' JSON format, with or without
//! the place that it had where it was recorded.

use rewind::{Event, Problem, cloudevents};
use rewind_aws::given::given;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};

/// An event, and the version that it had.
#[derive(Debug)]
pub struct Line {
    pub event: Event,
    pub version: Option<u64>,
}

/// Why a line is not taken.
#[derive(Debug, PartialEq)]
pub struct Bad {
    /// Which field is wrong, where it is one.
    pub field: Option<String>,
    /// What is wrong, and what was expected.
    pub detail: String,
}

impl Bad {
    pub fn field(name: &str, detail: impl Into<String>) -> Self {
        Self {
            field: Some(name.to_string()),
            detail: detail.into(),
        }
    }
}

impl From<Problem> for Bad {
    fn from(problem: Problem) -> Self {
        Self {
            field: problem.field.filter(|field| !field.is_empty()),
            detail: problem.detail,
        }
    }
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = &self.field {
            write!(f, "`{field}` ")?;
        }
        f.write_str(&self.detail)
    }
}

impl Line {
    /// Reads and checks a line.
    pub fn read(bytes: &[u8]) -> Result<Self, Bad> {
        let mut fields: BTreeMap<String, Box<RawValue>> =
            serde_json::from_slice(bytes).map_err(|error| {
                let (what, column) = (error.to_string(), error.column());
                // The error counts lines within this one.
                let what = what.split(" at line ").next().unwrap_or_default();
                Bad {
                    field: None,
                    detail: format!(
                        "expected a JSON object with CloudEvents 1.0 attributes: {what} at column {column}"
                    ),
                }
            })?;
        let version = number(&mut fields, "version")?;
        number(&mut fields, "position")?;
        if !fields.contains_key("id") {
            let why = "is missing; without it, importing again would record the event again";
            return Err(Bad::field("id", why));
        }
        let plain = serde_json::to_string(&fields).and_then(RawValue::from_string);
        let plain = plain.map_err(|error| Bad {
            field: None,
            detail: error.to_string(),
        })?;
        let event = cloudevents::structured(&plain, given())?;
        Ok(Self { event, version })
    }
}

/// A whole number that an event has since it was recorded.
fn number(fields: &mut BTreeMap<String, Box<RawValue>>, name: &str) -> Result<Option<u64>, Bad> {
    let Some(text) = fields.remove(name) else {
        return Ok(None);
    };
    let number = text.get().parse().ok().filter(|number| *number > 0);
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(Bad::field(name, "is no whole number from 1 on")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_and_plain_events_are_read_alike() {
        let event = |place: &str| {
            format!(
                r#"{{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "a-1", "time": "2023-04-19T09:00:00Z", {place} "who": "me", "data": {{"n": 1.50}}}}"#
            )
        };
        let plain = Line::read(event("").as_bytes()).unwrap();
        let recorded = Line::read(event(r#""version": 7, "position": 9,"#).as_bytes()).unwrap();
        assert_eq!((plain.version, recorded.version), (None, Some(7)));
        assert_eq!(plain.event, recorded.event);
        assert_eq!(plain.event.data.get(), r#"{"n": 1.50}"#);
        assert_eq!(plain.event.extension("who"), Some("me"));
    }

    #[test]
    fn a_bad_line_says_which_field_and_what_was_expected() {
        for (line, field) in [
            ("{", None),
            ("[]", None),
            ("", None),
            (r#"{"id": "1"}"#, Some("source")),
            (r#"{"source": "/s"}"#, Some("id")),
            (r#"{"id": "1", "version": 0}"#, Some("version")),
            (r#"{"id": "1", "version": "1"}"#, Some("version")),
            (r#"{"id": "1", "position": -1}"#, Some("position")),
            (
                r#"{"id": "1", "source": "/s", "type": "t", "subject": "a"}"#,
                Some("subject"),
            ),
        ] {
            let bad = Line::read(line.as_bytes()).unwrap_err();
            assert_eq!(bad.field.as_deref(), field, "{line}: {bad}");
        }
        assert!(Line::read(&[b'"', 0xff, b'"']).is_err());
    }
}
