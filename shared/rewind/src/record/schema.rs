//! The JSON Schema of events as they are written down, and of streams' names.
//! Their serialisers are written by hand, so their schemas are as well.

use super::{event::DATA_BASE64, reserved::SCHEMA_VERSION};
use crate::{CloudEvent, RecordedEvent, StreamName, stream::MAX_STREAM_NAME};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use std::borrow::Cow;

impl JsonSchema for StreamName {
    fn schema_name() -> Cow<'static, str> {
        "StreamName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "The name of a stream: `category-id`, such as `cart-456`.",
            "type": "string",
            "maxLength": MAX_STREAM_NAME,
            "pattern": "^[A-Za-z0-9_.:]+-[A-Za-z0-9_.:-]+$",
        })
    }
}

impl JsonSchema for CloudEvent {
    fn schema_name() -> Cow<'static, str> {
        "SentEvent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let about =
            "An event on its way to be recorded: CloudEvents 1.0 with the stream as its subject.";
        event(generator, about, &[])
    }
}

impl JsonSchema for RecordedEvent {
    fn schema_name() -> Cow<'static, str> {
        "RecordedEvent".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let about = "An event with its place in history. Its data is as it was recorded: of the schema version that `schemaversion` says.";
        event(generator, about, &["version", "position"])
    }
}

fn event(generator: &mut SchemaGenerator, about: &str, places: &[&str]) -> Schema {
    let stream = generator.subschema_for::<StreamName>();
    let mut properties = json!({
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "description": "With the source, its identity: recorded at most once."},
        "source": {"type": "string", "description": "Who says so: a URI reference."},
        "type": {"type": "string", "description": "What happened, such as `vote-cast`."},
        "subject": stream,
        "time": {"type": "string", "format": "date-time", "description": "When it happened."},
        "data": {"description": "The payload."},
        "datacontenttype": {"type": "string"},
        "dataschema": {"type": "string"},
        "causationid": {"type": "string", "description": "What led to it: the place of an event, `stream@version`, or what the client has sent."},
        "correlationid": {"type": "string", "description": "What it belongs to, across streams."},
        "causationdepth": {"type": "integer", "minimum": 0, "description": "How many reactions led to it, one after the other."},
        "commandid": {"type": "string", "description": "The command that it was decided for."},
        "imported": {"type": "boolean", "description": "Whether it happened elsewhere, or before."},
    });
    properties[DATA_BASE64] = json!({
        "type": "string",
        "contentEncoding": "base64",
        "description": "The payload in base64, where it is binary: `data` is then not there.",
    });
    properties[SCHEMA_VERSION] = json!({
        "type": ["integer", "string"],
        "description": "The version of the data's shape; 1 where nothing is said.",
    });
    let number = |about| json!({"type": "integer", "minimum": 1, "description": about});
    let of_place = [
        ("version", "1, 2, 3 and so on within its stream."),
        (
            "position",
            "Its place in its category: microseconds since 1970.",
        ),
    ];
    for (name, about) in of_place {
        if places.contains(&name) {
            properties[name] = number(about);
        }
    }
    let mut required = vec!["specversion", "id", "source", "type", "subject", "time"];
    required.extend(places);
    json_schema!({
        "description": about,
        "type": "object",
        "properties": properties,
        "required": required,
        "oneOf": one_of_data(),
        "propertyNames": names(places),
        "additionalProperties": extension(),
    })
}

/// What an attribute beyond those that are known holds.
fn extension() -> Value {
    json!({
        "description": "An extension attribute of CloudEvents.",
        "type": ["string", "integer", "boolean"],
    })
}

/// How attributes are named. An event that has no place yet says none.
fn names(places: &[&str]) -> Value {
    let mut names = json!({"pattern": format!("^([a-z0-9]+|{DATA_BASE64})$")});
    if places.is_empty() {
        names["not"] = json!({"enum": ["version", "position"]});
    }
    names
}

fn one_of_data() -> Value {
    json!([{"required": ["data"]}, {"required": [DATA_BASE64]}])
}
