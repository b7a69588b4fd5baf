//! CloudEvents 1.0 at the edge: from what a client sent to events, or to a
//! problem that names the field and what was expected.
//!
//! The specification is taken at its word, with these decisions: `specversion`,
//! `id` and `time` may be missing and are filled in; an attribute that is
//! `null` is missing (as the JSON format wants it); a member that stands twice
//! in an object, in the data as well, is refused, because readers differ in
//! which one they take.

mod attribute;
mod json;
mod time;

pub use attribute::{MAX_ATTRIBUTE, MAX_EXTENSIONS};
pub use attribute::{RESERVED, is_json};
pub(crate) use json::MAX_DEPTH;
pub use json::{json, not_json};
pub(crate) use time::moment;
pub use time::rfc3339;

use crate::{
    CloudEvent, MAX_DATA, Problem, StreamName,
    event::{DATA_BASE64, raw},
    numbers::MARK,
    problem::WHOLE,
    reserved::SCHEMA_VERSION,
};
use attribute::{media_type, required, schema_version, text, uri, uri_reference};
use base64::{Engine, engine::general_purpose::STANDARD};
use json::{members, parsed};
use serde_json::{Map, Value, value::RawValue};

/// What ingest gives to an event that does not bring it.
#[derive(Debug, Clone)]
pub struct Defaults {
    /// For an event without `id`.
    pub id: String,
    /// For an event without `time`, RFC 3339.
    pub time: String,
}

/// An event's data, as it came.
enum Data {
    None,
    Json(Box<RawValue>),
    Base64(String),
}

/// Checks one event in CloudEvents' JSON format.
///
/// # Errors
///
/// A [`Problem`] that names the field and says what was expected.
pub fn structured(text: &str, defaults: Defaults) -> Result<CloudEvent, Problem> {
    let mut data = Data::None;
    let mut attributes = Map::new();
    for (name, value) in members(text)? {
        let is_null = value.get() == "null";
        match name.as_str() {
            "data" if matches!(data, Data::None) => data = Data::Json(value),
            DATA_BASE64 if is_null => {}
            "data" | DATA_BASE64 if !matches!(data, Data::None) => {
                let why = "stands beside `data`: an event has one or the other";
                return Err(Problem::invalid(DATA_BASE64, why));
            }
            DATA_BASE64 => data = Data::Base64(base64(&value)?),
            _ if is_null => {}
            _ => {
                let value = parsed(&name, &value)?;
                attributes.insert(name, value);
            }
        }
    }
    checked(attributes, data, defaults)
}

/// Checks one event in CloudEvents' binary mode: attributes from `ce-` headers
/// (named here without `ce-`), the data from the body, its media type from
/// `Content-Type`.
///
/// # Errors
///
/// A [`Problem`] that names the field and says what was expected.
pub fn binary(
    headers: impl IntoIterator<Item = (String, String)>,
    media: Option<&str>,
    body: &[u8],
    defaults: Defaults,
) -> Result<CloudEvent, Problem> {
    let mut attributes = Map::new();
    for (name, text) in headers {
        if name == "datacontenttype" {
            let why = "is the Content-Type header in binary mode: leave it out";
            return Err(Problem::invalid("ce-datacontenttype", why));
        }
        attributes.insert(name, Value::String(text));
    }
    if let Some(media) = media {
        attributes.insert("datacontenttype".into(), media.into());
    }
    let data = match body {
        [] => Data::None,
        _ if media.is_none_or(is_json) => {
            let not_text = |_| Problem::new(400, "not-utf8", NOT_UTF8).of(WHOLE);
            match std::str::from_utf8(body).map_err(not_text)?.trim() {
                "" => Data::None,
                text => Data::Json(json(text)?),
            }
        }
        _ => Data::Base64(STANDARD.encode(body)),
    };
    checked(attributes, data, defaults)
}

/// What the problem of a body that is no text says.
pub const NOT_UTF8: &str = "the body is not valid UTF-8 text";

fn checked(
    mut attributes: Map<String, Value>,
    data: Data,
    defaults: Defaults,
) -> Result<CloudEvent, Problem> {
    match attributes.remove("specversion") {
        None => {}
        Some(Value::String(version)) if version == "1.0" => {}
        Some(_) => return Err(Problem::invalid("specversion", "expected \"1.0\"")),
    }
    let id = text(&mut attributes, "id")?.unwrap_or(defaults.id);
    let source = required(
        &mut attributes,
        "source",
        "a URI reference that says who sends it",
    )?;
    uri_reference("source", &source)?;
    let event_type = required(
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
    let time = text(&mut attributes, "time")?;
    if let Some(time) = &time {
        rfc3339(time).map_err(|why| Problem::invalid("time", why))?;
    }
    let schema = text(&mut attributes, "dataschema")?;
    let media = text(&mut attributes, "datacontenttype")?;
    if let Some(version) = attributes.get(SCHEMA_VERSION) {
        schema_version(version)?;
    }
    let mut extensions = attribute::extensions(attributes)?;
    if let Some(schema) = schema {
        uri("dataschema", &schema)?;
        extensions.insert("dataschema".into(), schema.into());
    }
    if let Some(media) = &media {
        media_type("datacontenttype", media)?;
        extensions.insert("datacontenttype".into(), media.as_str().into());
    }
    let data = match data {
        Data::None => raw(&Value::Null),
        Data::Json(data) => {
            let data = checked_data(data)?;
            let is_text = data.get().starts_with('"') || data.get() == "null";
            if media.is_some_and(|media| !is_json(&media)) && !is_text {
                let why = "is not of the `datacontenttype`, which is no JSON: expected a text, or `data_base64`";
                return Err(Problem::invalid("data", why));
            }
            data
        }
        Data::Base64(text) => {
            within_limit(DATA_BASE64, text.len())?;
            extensions.insert(DATA_BASE64.into(), text.into());
            raw(&Value::Null)
        }
    };
    let event = CloudEvent {
        id,
        source,
        event_type,
        stream,
        time: time.unwrap_or(defaults.time),
        extensions,
        data,
    };
    checked_number(&event)?;
    Ok(event)
}

/// An id that begins as those of numbered events do has to be one.
///
/// # Errors
///
/// A problem that says what was expected.
pub fn checked_number(event: &CloudEvent) -> Result<(), Problem> {
    if !event.is_misnumbered() {
        return Ok(());
    }
    let expected = format!(
        "begins with `{MARK}`, as the ids of numbered events do: expected `{MARK}{}/N`, N in decimal without leading zeros",
        event.stream
    );
    Err(Problem::invalid("id", expected))
}

/// Data that is not too large, not too deeply nested, and has no member twice.
///
/// # Errors
///
/// A [`Problem`] with the limit.
pub fn checked_data(data: Box<RawValue>) -> Result<Box<RawValue>, Problem> {
    within_limit("data", data.get().len())?;
    json::sound(data.get()).map_err(|problem| problem.of("data"))?;
    Ok(data)
}

fn within_limit(field: &str, size: usize) -> Result<(), Problem> {
    if size <= MAX_DATA {
        return Ok(());
    }
    let limit = format!("the data has {size} bytes; at most {MAX_DATA} are accepted");
    Err(Problem::new(413, "event-too-large", limit).of(field))
}

/// Base64 as it is written: RFC 4648, section 4, with padding.
fn base64(value: &RawValue) -> Result<String, Problem> {
    match parsed(DATA_BASE64, value)? {
        Value::String(text) if STANDARD.decode(&text).is_ok() => Ok(text),
        _ => Err(Problem::invalid(
            DATA_BASE64,
            "expected base64 with padding (RFC 4648, section 4)",
        )),
    }
}
