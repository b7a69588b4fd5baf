//! From a request to events, in each of CloudEvents' modes.

use percent_encoding::percent_decode_str;
use rewind::{
    Event, Problem, Service, StreamName,
    cloudevents::{self, checked_data, is_json, not_json},
    reaction::{INPUT_CATEGORY, INPUT_RECEIVED},
    reversal::is_reserved,
};
use rewind_aws::{
    given::given,
    http::{self, Request},
};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;

/// What a request brings: events, and problems in the place of those that
/// cannot be taken.
pub enum Parsed {
    /// One event.
    One(Event),
    /// A batch: item by item.
    Many(Vec<Result<Event, Problem>>),
}

/// The events of `POST /events`.
pub fn events(service: &Service, request: &Request) -> Result<Parsed, Problem> {
    let media = http::header(request, "content-type").unwrap_or("application/json");
    let media = media.split(';').next().unwrap_or_default().trim();
    let body = http::body(request)?;
    if media.eq_ignore_ascii_case("application/cloudevents-batch+json") {
        let items: Vec<Box<RawValue>> = serde_json::from_str(&body).map_err(|error| {
            if error.is_data() {
                return Problem::invalid("", "a batch is a JSON array of events");
            }
            not_json(&error)
        })?;
        let events = items.iter().map(|item| {
            let event = cloudevents::structured(item, given())?;
            admitted(service, event)
        });
        return Ok(Parsed::Many(events.collect()));
    }
    let event = if media.eq_ignore_ascii_case("application/cloudevents+json") {
        structured(&body)?
    } else if !is_json(media) {
        return Err(Problem::new(
            415,
            "unsupported-media-type",
            format!(
                "{media:?} is not taken; expected application/cloudevents+json, application/cloudevents-batch+json, or application/json with ce- headers"
            ),
        ));
    } else if http::header(request, "ce-type").is_some()
        || http::header(request, "ce-specversion").is_some()
    {
        cloudevents::binary(binary_attributes(request)?, &body, given())?
    } else {
        structured(&body)?
    };
    Ok(Parsed::One(admitted(service, event)?))
}

/// The event under which a raw input of `POST /inputs/{source}` is recorded.
pub fn input(service: &Service, request: &Request) -> Result<Event, Problem> {
    let source = http::path(request, "source");
    let Some(adapter) = service.input(source) else {
        let known: Vec<&str> = service.inputs().collect();
        let known = known.join(", ");
        return Err(Problem::not_found(format!(
            "no input source is named {source:?}; there are: {known}"
        )));
    };
    let data = checked_data(cloudevents::json(&http::body(request)?)?)?;
    let input: Value = serde_json::from_str(data.get()).map_err(|error| not_json(&error))?;
    let partition = adapter.partition.and_then(|partition| partition(&input));
    let category = format!("{INPUT_CATEGORY}{source}");
    let stream = StreamName::of(&category, partition.as_deref().unwrap_or("all"))
        .map_err(|bad| Problem::invalid("source", format!("the stream's name {bad}")))?;
    let given = given();
    let id = match http::header(request, "idempotency-key") {
        Some(key) if (1..=cloudevents::MAX_ATTRIBUTE).contains(&key.len()) => key.to_string(),
        Some(_) => {
            return Err(Problem::invalid(
                "Idempotency-Key",
                format!("expected 1 to {} bytes", cloudevents::MAX_ATTRIBUTE),
            ));
        }
        None => given.id,
    };
    Ok(Event {
        id,
        source: format!("/inputs/{source}"),
        kind: INPUT_RECEIVED.to_string(),
        stream,
        time: given.time,
        extensions: BTreeMap::new(),
        data,
    })
}

fn structured(body: &str) -> Result<Event, Problem> {
    let text: Box<RawValue> = serde_json::from_str(body).map_err(|error| not_json(&error))?;
    cloudevents::structured(&text, given())
}

/// The `ce-` headers, without `ce-`, percent-decoded as CloudEvents' HTTP
/// binding wants it.
fn binary_attributes(request: &Request) -> Result<Vec<(String, String)>, Problem> {
    let headers = request.headers.iter();
    let attributes = headers.filter_map(|(name, value)| {
        let attribute = name.as_str().strip_prefix("ce-")?;
        let decoded = percent_decode_str(value.to_str().unwrap_or("%FF")).decode_utf8();
        Some(match decoded {
            Ok(text) => Ok((attribute.to_string(), text.into_owned())),
            Err(_) => Err(Problem::invalid(
                name.as_str(),
                "expected percent-encoded UTF-8",
            )),
        })
    });
    attributes.collect()
}

/// Only facts come in by `POST /events`: what an aggregate decides, what an
/// adapter takes, and what Rewind itself records, does not.
fn admitted(service: &Service, event: Event) -> Result<Event, Problem> {
    let category = event.stream.category();
    if category == "rewind" || category.starts_with("rewind:") {
        return Err(Problem::invalid(
            "subject",
            format!("the category {category:?} is Rewind's own"),
        ));
    }
    if is_reserved(&event.source) {
        return Err(Problem::invalid(
            "source",
            "what comes from below /rewind/ is Rewind's own",
        ));
    }
    if let Some(source) = category.strip_prefix(INPUT_CATEGORY) {
        return Err(Problem::invalid(
            "subject",
            format!("raw inputs are taken at POST /inputs/{source}"),
        ));
    }
    if service.is_decided(category) {
        return Err(Problem::invalid(
            "subject",
            format!(
                "the category {category:?} is decided: send a command to POST /commands/{category}/{}",
                event.stream.id()
            ),
        ));
    }
    Ok(event)
}
