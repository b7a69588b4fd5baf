//! The routes of query.

use super::{
    super::{operation::Operation, schemas::Schemas},
    stream,
};
use crate::{
    compare::Compared,
    dead_letters::DeadLetters,
    events, gateways,
    health::Answer as Health,
    incidents::Incidents,
    names::{Categories, Streams},
    past, playbacks,
    rows::{Projections, Rows},
    shown::Shown as Row,
    streams,
    trace::Trace,
    waiting::Waiting,
};
use rewind::Problem;
use rewind_aws::playback::shown::Shown as Playback;
use serde_json::{Value, json};

/// What any route of query may refuse.
const PROBLEMS: [u16; 5] = [400, 404, 422, 500, 503];

const WAIT: &[&str] = &["Prefer"];

/// The operations of query.
pub(in super::super) fn query(schemas: &mut Schemas) -> Vec<Operation> {
    let problem = schemas.answer::<Problem>();
    let get = |key, about, schema: Value| {
        let operation = Operation::new(key, about).answers(200, "The answer.", schema);
        operation.refuses(&PROBLEMS, &problem)
    };
    let row = schemas.answer::<Row>();
    let (now, then) = (
        schemas.answer::<Rows<'_>>(),
        schemas.answer::<past::Rows<'_>>(),
    );
    let rows = json!({"anyOf": [now, then, row]});
    let trace = schemas.answer::<Trace>();
    let document = json!({
        "type": "object",
        "properties": {"info": {"type": "object"}, "components": {"type": "object"}},
        "required": ["info", "components"],
    });
    vec![
        get(
            "GET /categories",
            "All categories that have streams or are declared",
            schemas.answer::<Categories<'_>>(),
        ),
        get(
            "GET /streams",
            "Streams by name",
            schemas.answer::<Streams<'_>>(),
        ),
        get(
            "GET /streams/{stream}",
            "The recorded events of a stream, in order",
            schemas.answer::<streams::Events<'_>>(),
        ),
        get(
            "GET /streams/{stream}/events/{version}/trace",
            "What led to an event, and what it has led to",
            trace.clone(),
        ),
        stream::streamed(get(
            "GET /events",
            "Recorded events of a category or of all, read on and on; waits for the first one",
            schemas.answer::<events::Events>(),
        )),
        get(
            "GET /events/{id}/trace",
            "What led to an event, and what it has led to",
            trace,
        ),
        get(
            "GET /projections",
            "Projections, their generations, and whether a rebuild is due",
            schemas.answer::<Projections<'_>>(),
        ),
        get(
            "GET /projections/{name}",
            "Rows, paged; or the one row of a key",
            rows,
        )
        .refuses(&[410], &problem)
        .reads(WAIT),
        get(
            "GET /projections/{name}/{key+}",
            "One row, as it is or as it was",
            row,
        )
        .reads(WAIT),
        get(
            "GET /comparisons/{name}",
            "Two generations of a projection side by side",
            schemas.answer::<Compared<'_>>(),
        ),
        get(
            "GET /playbacks",
            "Playbacks, the newest first",
            schemas.answer::<playbacks::Playbacks<'_>>(),
        ),
        get(
            "GET /operations",
            "What operators did and what was deployed, the newest first",
            schemas.answer::<playbacks::Operations>(),
        ),
        get(
            "GET /incidents",
            "What was wrong, since when and until when, the newest first",
            schemas.answer::<Incidents>(),
        ),
        get(
            "GET /dead-letters",
            "Batches that a trigger has given up on and that nobody has handled",
            schemas.answer::<DeadLetters>(),
        ),
        get(
            "GET /waiting",
            "Deadlines by their time, and calls that wait for the outside",
            schemas.answer::<Waiting<'_>>(),
        ),
        get(
            "GET /playbacks/{id}",
            "How far a playback is",
            schemas.answer::<Playback<'_>>(),
        ),
        get(
            "GET /playbacks/{id}/differences",
            "What a comparison of gateways has found",
            schemas.answer::<gateways::Differences<'_>>(),
        ),
        get(
            "GET /gateways/{name}/ledger",
            "What a gateway has sent, when, because of what, and with which answer",
            schemas.answer::<gateways::Ledger<'_>>(),
        )
        .refuses(&[413], &problem),
        get(
            "GET /schemas",
            "The declared categories, and the JSON Schema of each event type",
            declared(),
        ),
        get(
            "GET /openapi.json",
            "This document",
            opened(&document, "openapi", "3.1.0"),
        ),
        get(
            "GET /asyncapi.json",
            "AsyncAPI of what goes over Kinesis",
            opened(&document, "asyncapi", "3.0.0"),
        ),
        get(
            "GET /health",
            "Whether every reader moves, and if not, which one and why",
            schemas.answer::<Health<'_>>(),
        ),
    ]
}

/// What `GET /schemas` answers.
fn declared() -> Value {
    let event_type = json!({
        "type": "object",
        "properties": {
            "schemaversion": {"type": "integer", "minimum": 1},
            "schema": {"type": "object", "description": "The JSON Schema of the event type's data."},
        },
        "required": ["schemaversion", "schema"],
        "additionalProperties": false,
    });
    let category = json!({
        "type": "object",
        "properties": {
            "open": {"type": "boolean", "description": "Whether the category takes other types as well."},
            "types": {"type": "object", "additionalProperties": event_type},
        },
        "required": ["open", "types"],
        "additionalProperties": false,
    });
    json!({
        "type": "object",
        "properties": {"categories": {"type": "object", "additionalProperties": category}},
        "required": ["categories"],
        "additionalProperties": false,
    })
}

/// A document that begins with its specification's version.
fn opened(document: &Value, name: &str, version: &str) -> Value {
    let mut document = document.clone();
    document["properties"][name] = json!({"const": version});
    document["required"] = json!([name, "info", "components"]);
    document
}
