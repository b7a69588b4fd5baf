//! CloudEvents as clients send them, and as they are recorded: one shape for
//! each event type that the domain declares.

use super::{
    domain::{EventType, closed_categories, one_of, word},
    schemas::Schemas,
};
use rewind::{Service, stream::MAX_STREAM_NAME};
use serde_json::{Value, json};

/// What Rewind says itself.
const OWN: [&str; 4] = ["version", "position", "causationdepth", "imported"];

/// An event that a client sends: of a declared type, or of a category that is
/// open or that nobody declares.
pub(super) fn sent(service: &Service, types: &[EventType<'_>], schemas: &mut Schemas) -> Value {
    let declared = types.iter().filter(|known| known.is_sent);
    let declared: Vec<_> = declared
        .map(|known| {
            let name = word(&format!("event.{}.{}", known.category, known.event_type));
            let schema = schemas.named(&name, sent_as(known));
            (known.event_type.clone(), name, schema)
        })
        .collect();
    let others = schemas.named("OtherEvent", other(service));
    if declared.is_empty() {
        return others;
    }
    let declared = one_of("event", declared, schemas);
    let declared = schemas.named("DomainEvent", declared);
    schemas.named("NewEvent", json!({"anyOf": [declared, others]}))
}

fn sent_as(known: &EventType<'_>) -> Value {
    let EventType {
        category,
        event_type,
        version,
        data,
        ..
    } = known;
    let subject = json!({
        "type": "string",
        "description": format!("The stream, `{category}-id`."),
        "pattern": format!("^{}-", escaped(category)),
        "maxLength": MAX_STREAM_NAME,
    });
    let mut event = attributes(&subject);
    event["properties"]["type"] = json!({"const": event_type});
    event["properties"]["data"] = data.clone();
    event["properties"]["schemaversion"] = json!({"enum": [version, version.to_string()]});
    event["required"] = json!(["source", "type", "subject", "data"]);
    event
}

/// An event that no enum declares.
fn other(service: &Service) -> Value {
    let closed = closed_categories(service).into_iter();
    let closed: Vec<String> = closed.map(|category| escaped(&category)).collect();
    let own = "rewind|(rewind|input|process|gateway|changes):[^-]*";
    let declared = closed.iter().map(|category| format!("|{category}"));
    let refused = format!("^({own}{})-", declared.collect::<String>());
    let subject = json!({
        "type": "string",
        "description": "The stream, `category-id`.",
        "maxLength": MAX_STREAM_NAME,
        "pattern": "^[A-Za-z0-9_.:]+-",
        "not": {"pattern": refused},
    });
    let mut event = attributes(&subject);
    event["properties"]["type"] = json!({"type": "string", "minLength": 1});
    event["properties"]["data"] = json!({"description": "The payload."});
    event["properties"]["schemaversion"] = json!({"type": ["integer", "string"]});
    event["properties"]["data_base64"] = json!({"type": "string", "contentEncoding": "base64"});
    event["required"] = json!(["source", "type", "subject"]);
    event
}

fn attributes(subject: &Value) -> Value {
    let text = json!({"type": "string", "minLength": 1});
    json!({
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {"type": "string", "minLength": 1, "description": "With the source, its identity: recorded once. A UUID where it is left out."},
            "source": {"type": "string", "minLength": 1, "description": "Who says so: a URI reference."},
            "subject": subject,
            "time": {"type": "string", "format": "date-time", "description": "When it happened; now, where it is left out."},
            "datacontenttype": text,
            "dataschema": text,
        },
        "propertyNames": {
            "pattern": "^([a-z0-9]+|data_base64)$",
            "not": {"enum": OWN},
        },
        "additionalProperties": {"type": ["string", "integer", "boolean"]},
    })
}

/// A recorded event of a declared type, whose data has the shape of today.
pub(super) fn recorded(known: &EventType<'_>, schemas: &mut Schemas) -> Value {
    let any = schemas.answer::<rewind::RecordedEvent>();
    let EventType {
        category,
        event_type,
        version,
        data,
        ..
    } = known;
    let mut versions = vec![json!(version), json!(version.to_string())];
    let mut required = vec!["data"];
    match version {
        1 => versions.dedup(),
        _ => required.push("schemaversion"),
    }
    json!({
        "allOf": [any],
        "properties": {
            "type": {"const": event_type},
            "subject": {"pattern": format!("^{}-", escaped(category))},
            "data": data,
            "schemaversion": {"enum": versions},
        },
        "required": required,
    })
}

/// A category within a pattern: of the characters of a name, `.` alone means
/// something else.
fn escaped(category: &str) -> String {
    category.replace('.', "\\.")
}
