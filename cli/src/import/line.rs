//! A line of an import: an event in the JSON format of CloudEvents, with or
//! without the version and position at which it was recorded.
//!
//! An event without them is new and has to pass the checks of ingest. An event
//! with them is history: it was accepted when it was recorded, and everything
//! that `export` writes can be imported unchanged.

use rewind::{
    CloudEvent, Problem, StreamName, cloudevents,
    commit::{MAX_COMMIT_BYTES, size_of},
    reserved::IMPORTED,
};
use rewind_aws::aws::clock::defaults;
use serde_json::value::RawValue;
use std::{collections::BTreeMap, fmt};

/// An event and its old version.
#[derive(Debug)]
pub struct Line {
    pub event: CloudEvent,
    pub version: Option<u64>,
}

/// Why a line is not valid.
#[derive(Debug, PartialEq)]
pub struct Bad {
    /// The wrong field, if it is one.
    pub field: Option<String>,
    /// The error and what was expected.
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
                // The line number of the error is that within this line.
                let what = what.split(" at line ").next().unwrap_or_default();
                Bad {
                    field: None,
                    detail: format!(
                        "expected a JSON object with CloudEvents 1.0 attributes: {what} at column {column}"
                    ),
                }
            })?;
        let version = number(&mut fields, "version")?;
        let position = number(&mut fields, "position")?;
        if !fields.contains_key("id") {
            let why = "is missing; without it, importing again would record the event again";
            return Err(Bad::field("id", why));
        }
        let mut event = match version.and(position) {
            Some(_) => recorded(&fields)?,
            None => cloudevents::structured(object(&fields)?.get(), defaults())?,
        };
        // What follows from it reaches nobody outside.
        event.extensions.insert(IMPORTED.into(), true.into());
        match size_of(&event) {
            ..=MAX_COMMIT_BYTES => Ok(Self { event, version }),
            size => Err(Bad {
                field: None,
                detail: format!(
                    "the event takes {size} bytes; at most {MAX_COMMIT_BYTES} are recorded"
                ),
            }),
        }
    }
}

/// Reads a recorded event. It checks only what every event has.
fn recorded(fields: &BTreeMap<String, Box<RawValue>>) -> Result<CloudEvent, Bad> {
    for name in ["id", "source", "type", "subject", "time"] {
        let Some(text) = fields.get(name) else {
            let why = "is missing; every recorded event has it";
            return Err(Bad::field(name, why));
        };
        let text: String = serde_json::from_str(text.get())
            .map_err(|_| Bad::field(name, "expected a text, as every recorded event has it"))?;
        if name == "subject" {
            StreamName::new(text)
                .map_err(|bad| Bad::field(name, format!("the stream's name {bad}")))?;
        }
    }
    serde_json::from_str(object(fields)?.get()).map_err(unreadable)
}

fn object(fields: &BTreeMap<String, Box<RawValue>>) -> Result<Box<RawValue>, Bad> {
    let text = serde_json::to_string(fields).and_then(RawValue::from_string);
    text.map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> Bad {
    Bad {
        field: None,
        detail: error.to_string(),
    }
}

/// Removes and reads a whole number that a recorded event has.
fn number(fields: &mut BTreeMap<String, Box<RawValue>>, name: &str) -> Result<Option<u64>, Bad> {
    let Some(text) = fields.remove(name) else {
        return Ok(None);
    };
    let number = text.get().parse().ok().filter(|number| *number > 0);
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(Bad::field(name, "expected a whole number from 1")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_and_plain_events_are_read_alike() {
        let event = |recorded_at: &str| {
            format!(
                r#"{{"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "subject": "a-1", "time": "2023-04-19T09:00:00Z", {recorded_at} "who": "me", "data": {{"n": 1.50}}}}"#
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
    fn a_recorded_event_need_not_pass_the_checks_of_today() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let digits = "2".repeat(2_000);
        for (event_type, time, data) in [
            ("t", "yesterday", "1"),
            ("t", "", "1"),
            ("t", &*digits, "1"),
            ("", "2023-04-19T09:00:00Z", "1"),
            (&*digits, "2023-04-19T09:00:00Z", &*deep),
        ] {
            let event = |recorded_at: &str| {
                let digits = "i".repeat(2_000);
                format!(
                    r#"{{"specversion": "1.0", "id": "{digits}", "source": "", "type": "{event_type}", "subject": "a-1", "time": "{time}", {recorded_at} "Odd": null, "list": [1], "data": {data}}}"#
                )
            };
            let line = event(r#""version": 7, "position": 9,"#);
            let mut event_of: rewind::RecordedEvent = serde_json::from_str(&line).unwrap();
            let attributes = &mut event_of.event.extensions;
            attributes.insert(IMPORTED.into(), true.into());
            let read = Line::read(line.as_bytes()).unwrap();
            assert_eq!((read.event, read.version), (event_of.event, Some(7)));
            // Without version and position, it is new.
            Line::read(event("").as_bytes()).unwrap_err();
        }
    }

    #[test]
    fn an_event_larger_than_a_commit_is_refused() {
        let line = |size: usize| {
            let data = "x".repeat(size);
            format!(
                r#"{{"id": "1", "source": "/s", "type": "t", "subject": "a-1", "time": "", "version": 7, "position": 9, "data": "{data}"}}"#
            )
        };
        Line::read(line(380_000).as_bytes()).unwrap();
        let bad = Line::read(line(390_000).as_bytes()).unwrap_err();
        assert!(bad.detail.contains("at most 390000"), "{bad}");
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
            (
                r#"{"id": "1", "version": 1, "position": 1, "source": "/s", "type": "t", "subject": "a"}"#,
                Some("subject"),
            ),
            (
                r#"{"id": "1", "version": 1, "position": 1, "source": "/s", "subject": "a-1"}"#,
                Some("type"),
            ),
            (r#"{"id": 1, "version": 1, "position": 1}"#, Some("id")),
        ] {
            let bad = Line::read(line.as_bytes()).unwrap_err();
            assert_eq!(bad.field.as_deref(), field, "{line}: {bad}");
        }
        assert!(Line::read(&[b'"', 0xff, b'"']).is_err());
    }
}
