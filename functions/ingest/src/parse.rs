//! From a request to events, in each of CloudEvents' modes.

use crate::request::{attributes, body, body_text, header, key};
use rewind::{
    CloudEvent, Problem, Reaction, Service, StreamName,
    cloudevents::{self, Defaults, checked_data, checked_number, is_json, not_json},
    problem::WHOLE,
    reserved::{INPUT_CATEGORY, INPUT_RECEIVED, is_reserved, is_reserved_category},
};
use rewind_aws::aws::{
    clock::defaults,
    http::{self, Request},
};
use serde_json::{Value, value::RawValue};
use std::collections::BTreeMap;

/// The most events in one request. Each may be a record of its own: with the
/// 1,000 that a shard takes in a second, all are put well within the 29 s that
/// `template.yaml` gives.
pub const MAX_EVENTS: usize = 5_000;

/// What a request brings: events, and problems in the place of those that
/// cannot be taken.
pub enum Parsed {
    /// One event.
    One(CloudEvent),
    /// A batch: item by item.
    Many(Vec<Result<CloudEvent, Problem>>),
}

/// The events of `POST /events`.
pub fn events(service: &Service, request: &Request) -> Result<Parsed, Problem> {
    let key = key(request)?;
    let media = header(request, "content-type")?;
    let essence = media.unwrap_or("application/json").split(';').next();
    let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/cloudevents-batch+json" {
        return batch(service, &body_text(request)?, key).map(Parsed::Many);
    }
    let attributes = attributes(request)?;
    let defaults = keyed(key.map(ToString::to_string));
    let event = if essence == "application/cloudevents+json" {
        cloudevents::structured(&body_text(request)?, defaults)?
    } else if essence.starts_with("application/cloudevents") {
        return Err(unsupported(&essence));
    } else if !attributes.is_empty() {
        cloudevents::binary(attributes, media, &body(request)?, defaults)?
    } else if is_json(&essence) {
        cloudevents::structured(&body_text(request)?, defaults)?
    } else {
        return Err(unsupported(&essence));
    };
    Ok(Parsed::One(admitted(service, event)?))
}

fn unsupported(essence: &str) -> Problem {
    let why = format!(
        "{essence:?} is not taken; expected application/cloudevents+json, application/cloudevents-batch+json, or any media type with ce- headers"
    );
    Problem::new(415, "unsupported-media-type", why).of("Content-Type")
}

fn batch(
    service: &Service,
    body: &str,
    key: Option<&str>,
) -> Result<Vec<Result<CloudEvent, Problem>>, Problem> {
    let items: Vec<Box<RawValue>> = serde_json::from_str(body).map_err(|error| {
        if error.is_data() {
            return Problem::invalid(WHOLE, "a batch is a JSON array of events");
        }
        not_json(&error)
    })?;
    if items.len() > MAX_EVENTS {
        let sent = items.len();
        let why = format!("the batch has {sent} events; at most {MAX_EVENTS} are accepted in one");
        return Err(Problem::new(413, "too-many-events", why).of(WHOLE));
    }
    let events = items.iter().enumerate().map(|(nth, item)| {
        let defaults = keyed(key.map(|key| format!("{key}/{nth}")));
        admitted(service, cloudevents::structured(item.get(), defaults)?)
    });
    Ok(events.collect())
}

/// What an event without id or time gets. Its retry gets the same id.
fn keyed(id: Option<String>) -> Defaults {
    let defaults = defaults();
    Defaults {
        id: id.unwrap_or(defaults.id),
        ..defaults
    }
}

/// The event under which a raw input of `POST /inputs/{source}` is recorded.
pub fn input(service: &Service, request: &Request) -> Result<CloudEvent, Problem> {
    let key = key(request)?;
    header(request, "content-type")?;
    let source = http::path(request, "source");
    let Some(adapter) = service.input(source) else {
        let known: Vec<&str> = service.inputs().collect();
        let known = known.join(", ");
        let why = format!("no input source is named {source:?}; there are: {known}");
        return Err(Problem::not_found(why).of("source"));
    };
    let data = checked_data(cloudevents::json(&body_text(request)?)?)?;
    let defaults = keyed(key.map(ToString::to_string));
    let event = CloudEvent {
        id: defaults.id,
        source: format!("/inputs/{source}"),
        event_type: INPUT_RECEIVED.to_string(),
        stream: stream(adapter, source, &data)?,
        time: defaults.time,
        extensions: BTreeMap::new(),
        data,
    };
    checked_number(&event)?;
    Ok(event)
}

/// The stream of an input: the adapter says which inputs belong together.
fn stream(adapter: &Reaction, source: &str, data: &RawValue) -> Result<StreamName, Problem> {
    let input: Value = serde_json::from_str(data.get()).map_err(|error| not_json(&error))?;
    // It is the domain's code, and the input is whatever a client sends.
    let partition = adapter.partition_of(&input).map_err(|refused| {
        tracing::error!(source, reason = refused.reason, "no partition");
        let why =
            format!("the adapter of {source} cannot tell where the input belongs: it panicked");
        Problem::invalid(WHOLE, why)
    })?;
    let category = format!("{INPUT_CATEGORY}{source}");
    let stream = StreamName::of(&category, partition.as_deref().unwrap_or("all"));
    stream.map_err(|bad| {
        let why = format!("the name of the stream that the adapter puts it in {bad}");
        Problem::invalid(WHOLE, why)
    })
}

/// What comes in by `POST /events` fits the enum of its category. What an
/// aggregate decides, what an adapter takes, and what Rewind itself records does
/// not come in this way.
fn admitted(service: &Service, event: CloudEvent) -> Result<CloudEvent, Problem> {
    let category = event.stream.category();
    if let Some(source) = category.strip_prefix(INPUT_CATEGORY) {
        return Err(Problem::invalid(
            "subject",
            format!("raw inputs are taken at POST /inputs/{source}"),
        ));
    }
    if is_reserved_category(category) {
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
    if service.is_decided(category) {
        return Err(Problem::invalid(
            "subject",
            format!(
                "the category {category:?} is decided: only its aggregate writes to it; send it a command, POST /commands/{category}/{{id}}"
            ),
        ));
    }
    service.check(&event)?;
    Ok(event)
}
