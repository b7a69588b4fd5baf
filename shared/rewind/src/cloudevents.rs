//! CloudEvents 1.0 at the edge: from what a client sent to events, or to a
//! problem that names the field and what was expected.

use crate::{Event, MAX_DATA, Problem, StreamName};
use serde_json::{Map, Value, value::RawValue};
use std::collections::BTreeMap;

/// The longest `id`, `source`, `type`, `dataschema` and other text attribute,
/// in bytes.
pub const MAX_ATTRIBUTE: usize = 1024;

/// The most that the attributes beyond the required ones may take, in bytes.
pub const MAX_EXTENSIONS: usize = 8 * 1024;

/// What ingest gives to an event that does not bring it.
#[derive(Debug, Clone)]
pub struct Given {
    /// For an event without `id`.
    pub id: String,
    /// For an event without `time`, RFC 3339.
    pub time: String,
}

/// Checks one event in CloudEvents' JSON format.
///
/// # Errors
///
/// A [`Problem`] that names the field and says what was expected.
pub fn structured(text: &RawValue, given: Given) -> Result<Event, Problem> {
    let fields: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text.get()).map_err(|_| {
            Problem::invalid(
                "",
                "an event is a JSON object with CloudEvents 1.0 attributes",
            )
        })?;
    let mut data = None;
    let mut attributes = Map::new();
    for (name, value) in fields {
        match name.as_str() {
            "data" => data = Some(value),
            "data_base64" => {
                return Err(Problem::invalid(
                    "data_base64",
                    "binary data is not supported: send JSON in `data`",
                ));
            }
            _ => {
                let value: Value = parsed(&name, &value)?;
                attributes.insert(name, value);
            }
        }
    }
    checked(attributes, data, given)
}

/// Checks one event in CloudEvents' binary mode: attributes from `ce-` headers
/// (named here without `ce-`), the data from the body.
///
/// # Errors
///
/// A [`Problem`] that names the field and says what was expected.
pub fn binary(
    headers: impl IntoIterator<Item = (String, String)>,
    body: &str,
    given: Given,
) -> Result<Event, Problem> {
    let attributes = headers.into_iter();
    let attributes = attributes.map(|(name, text)| (name, Value::String(text)));
    let data = match body.trim() {
        "" => None,
        body => Some(json(body)?),
    };
    checked(attributes.collect(), data, given)
}

/// JSON text, checked for syntax and for nesting that readers can follow.
///
/// # Errors
///
/// A [`Problem`] that says where the text stops being JSON.
pub fn json(text: &str) -> Result<Box<RawValue>, Problem> {
    // `Value` bounds the nesting (128 levels), which `RawValue` does not.
    serde_json::from_str::<Value>(text)
        .and_then(|_| serde_json::from_str(text))
        .map_err(|error| not_json(&error))
}

/// The problem of a text that is not JSON.
pub fn not_json(error: &serde_json::Error) -> Problem {
    if error.to_string().starts_with("recursion limit") {
        return Problem::new(
            422,
            "too-deeply-nested",
            "JSON nested more than 128 levels deep is not accepted",
        );
    }
    Problem::new(400, "not-json", format!("the body is not JSON: {error}"))
}

fn parsed(name: &str, text: &RawValue) -> Result<Value, Problem> {
    serde_json::from_str(text.get()).map_err(|error| {
        let mut problem = not_json(&error);
        problem.field = Some(name.to_string());
        problem
    })
}

fn checked(
    mut attributes: Map<String, Value>,
    data: Option<Box<RawValue>>,
    given: Given,
) -> Result<Event, Problem> {
    match attributes.remove("specversion") {
        None => {}
        Some(Value::String(version)) if version == "1.0" => {}
        Some(_) => return Err(Problem::invalid("specversion", "expected \"1.0\"")),
    }
    let id = text(&mut attributes, "id")?.unwrap_or(given.id);
    let source = required(
        &mut attributes,
        "source",
        "a URI reference that says who sends it",
    )?;
    let kind = required(
        &mut attributes,
        "type",
        "what happened, such as `vote-cast`",
    )?;
    let subject = required(
        &mut attributes,
        "subject",
        "the stream, `category-id`, such as `cart-456`",
    )?;
    let stream = StreamName::new(subject)
        .map_err(|bad| Problem::invalid("subject", format!("the stream's name {bad}")))?;
    let time = match text(&mut attributes, "time")? {
        Some(time) => rfc3339(time)?,
        None => given.time,
    };
    if let Some(media) = text(&mut attributes, "datacontenttype")? {
        is_json(&media)
            .then_some(())
            .ok_or_else(|| Problem::invalid("datacontenttype", "expected application/json"))?;
    }
    let extensions = extensions(attributes)?;
    let data = match data {
        Some(data) => checked_data(data)?,
        None => RawValue::NULL.to_owned(),
    };
    Ok(Event {
        id,
        source,
        kind,
        stream,
        time,
        extensions,
        data,
    })
}

/// Whether a media type, with or without parameters, is JSON.
pub fn is_json(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim();
    media.eq_ignore_ascii_case("application/json") || media.to_ascii_lowercase().ends_with("+json")
}

/// Data that is not too large and not too deeply nested.
///
/// # Errors
///
/// A [`Problem`] with the limit.
pub fn checked_data(data: Box<RawValue>) -> Result<Box<RawValue>, Problem> {
    let size = data.get().len();
    if size > MAX_DATA {
        let mut problem = Problem::new(
            413,
            "event-too-large",
            format!("the data has {size} bytes; at most {MAX_DATA} are accepted"),
        );
        problem.field = Some("data".into());
        return Err(problem);
    }
    parsed("data", &data)?;
    Ok(data)
}

fn text(attributes: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Problem> {
    match attributes.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => {
            Err(Problem::invalid(name, "is empty; leave it out or fill it"))
        }
        Some(Value::String(text)) if text.len() > MAX_ATTRIBUTE => Err(Problem::invalid(
            name,
            format!("is longer than {MAX_ATTRIBUTE} bytes"),
        )),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Problem::invalid(name, "expected a text")),
    }
}

fn required(
    attributes: &mut Map<String, Value>,
    name: &str,
    expected: &str,
) -> Result<String, Problem> {
    text(attributes, name)?
        .ok_or_else(|| Problem::invalid(name, format!("is missing; expected {expected}")))
}

fn rfc3339(time: String) -> Result<String, Problem> {
    match time.parse::<jiff::Timestamp>() {
        Ok(_) => Ok(time),
        Err(_) => Err(Problem::invalid(
            "time",
            "expected RFC 3339, such as 2023-04-19T09:00:00Z",
        )),
    }
}

/// What CloudEvents allows as the name of an attribute, and no container as
/// its value.
fn extensions(attributes: Map<String, Value>) -> Result<BTreeMap<String, Value>, Problem> {
    let mut size = 0;
    for (name, value) in &attributes {
        let is_name = name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        if !is_name || name.is_empty() {
            return Err(Problem::invalid(
                name,
                "an extension attribute is named with a-z and 0-9 only",
            ));
        }
        if matches!(name.as_str(), "version" | "position") {
            return Err(Problem::invalid(
                name,
                "is given at recording: leave it out",
            ));
        }
        if matches!(value, Value::Array(_) | Value::Object(_) | Value::Null) {
            return Err(Problem::invalid(
                name,
                "an extension attribute is a text, a number or a boolean",
            ));
        }
        size += name.len() + value.to_string().len();
    }
    if size > MAX_EXTENSIONS {
        return Err(Problem::invalid(
            "",
            format!(
                "extension attributes take {size} bytes; at most {MAX_EXTENSIONS} are accepted"
            ),
        ));
    }
    Ok(attributes.into_iter().collect())
}
