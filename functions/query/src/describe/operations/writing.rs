//! The routes of ingest, microservice and playback.

use super::super::{operation::Operation, schemas::Schemas};
use rewind::{Problem, delivery::Nothing};
use rewind_aws::{
    api::{
        ingest::{Accepted, Items},
        microservice::{
            Aggregate, Applied, Body, MismatchProblem, Pending, Rejected, RejectedProblem, Retried,
            Retry,
        },
        playback::{Activate, Approve, Handled, OffTheList, Previewed, Reverse, Wanted},
    },
    generation::generations::Generations,
    playback::{request::Request, shown::Shown as Playback},
    reverse::reversal,
};
use serde_json::{Value, json};

/// What any route that takes JSON may refuse.
const PROBLEMS: [u16; 7] = [400, 404, 409, 415, 422, 500, 503];

const KEY: &[&str] = &["Idempotency-Key"];

/// The most events of a batch, as ingest takes them.
const MAX_EVENTS: usize = 5_000;

/// The operations of the functions that write. `event` is what clients send,
/// `command` what aggregates take.
pub(in super::super) fn writing(
    event: Value,
    command: Option<Value>,
    schemas: &mut Schemas,
) -> Vec<Operation> {
    let problem = schemas.answer::<Problem>();
    let mut all = sending(event, &problem, schemas);
    all.extend(deciding(command, &problem, schemas));
    all.extend(operating(&problem, schemas));
    all
}

fn sending(event: Value, problem: &Value, schemas: &mut Schemas) -> Vec<Operation> {
    let (accepted, items) = (
        schemas.answer::<Accepted<'_>>(),
        schemas.answer::<Items<'_>>(),
    );
    let batch = json!({"type": "array", "items": event, "maxItems": MAX_EVENTS});
    let bytes =
        json!({"description": "Data of any media type, beside `ce-` headers for the attributes."});
    let input = json!({"description": "JSON of the source's own shape."});
    let refused = [400, 404, 413, 415, 422, 500, 503];
    vec![
        Operation::new(
            "POST /events",
            "Takes facts: one CloudEvent, or a batch that is answered item by item",
        )
        .reads(KEY)
        .takes_media(
            true,
            [
                ("application/cloudevents+json", event),
                ("application/cloudevents-batch+json", batch),
                ("*/*", bytes),
            ],
        )
        .answers(
            202,
            "Kinesis holds the event, or all of the batch.",
            json!({"anyOf": [accepted.clone(), items.clone()]}),
        )
        .answers(207, "Not all of the batch was taken.", items)
        .refuses(&refused, problem),
        Operation::new(
            "POST /inputs/{source}",
            "Takes any JSON, for the source's adapter",
        )
        .reads(KEY)
        .takes(input)
        .answers(202, "Kinesis holds it.", accepted)
        .refuses(&refused, problem),
    ]
}

fn deciding(command: Option<Value>, problem: &Value, schemas: &mut Schemas) -> Vec<Operation> {
    let command = command.unwrap_or_else(|| schemas.body::<Body>());
    let applied = schemas.answer::<Applied<'_>>();
    let pending = schemas.answer::<Pending<'_>>();
    let rejected = schemas.answer::<Rejected<'_>>();
    let refused = schemas.answer::<RejectedProblem>();
    let mismatch = schemas.answer::<MismatchProblem>();
    vec![
        Operation::new(
            "POST /commands/{category}/{id}",
            "Lets the aggregate decide about a command, at once",
        )
        .reads(&["Idempotency-Key", "If-Match", "Prefer"])
        .takes(command)
        .answers(200, "It is applied.", applied.clone())
        .answers(202, "It is taken, and decided later.", pending.clone())
        .refuses(&[400, 404, 413, 415, 500, 503], problem)
        .refuses(&[412], &mismatch)
        .refuses(&[422], &json!({"anyOf": [refused, problem]})),
        Operation::new("GET /commands/{id}", "The outcome of a command")
            .reads(&["Prefer"])
            .answers(
                200,
                "What became of it.",
                json!({"oneOf": [applied, rejected, pending]}),
            )
            .refuses(&[400, 404, 422, 500, 503], problem),
        Operation::new(
            "GET /aggregates/{category}/{id}",
            "An aggregate as it stands, and which commands it would take now",
        )
        .answers(200, "The answer.", schemas.answer::<Aggregate<'_>>())
        .refuses(&[400, 404, 422, 500, 503], problem),
        Operation::new(
            "POST /gateways/{name}/retry",
            "Lets calls be tried again that have failed, or were imported",
        )
        .takes(schemas.body::<Retry>())
        .answers(
            202,
            "They are tried again.",
            schemas.answer::<Retried<'_>>(),
        )
        .refuses(&[400, 404, 415, 422, 500, 503], problem),
    ]
}

fn operating(problem: &Value, schemas: &mut Schemas) -> Vec<Operation> {
    let playback = schemas.answer::<Playback<'_>>();
    let generations = schemas.answer::<Generations>();
    let nothing = schemas.body::<Nothing>();
    let previewed = schemas.answer::<Previewed>();
    let accepted = schemas.answer::<reversal::Accepted>();
    let post = |key, about| Operation::new(key, about).refuses(&PROBLEMS, problem);
    vec![
        post("POST /playbacks", "Plays all or part of history back")
            .reads(KEY)
            .takes(schemas.body::<Request>())
            .answers(202, "It is begun.", playback.clone()),
        post("POST /playbacks/{id}/pause", "Pauses a playback")
            .may_take(nothing.clone())
            .answers(200, "It is paused.", playback.clone()),
        post("POST /playbacks/{id}/resume", "Lets a playback go on")
            .may_take(nothing.clone())
            .answers(202, "It goes on.", playback.clone()),
        post("POST /playbacks/{id}/cancel", "Cancels a playback")
            .may_take(nothing)
            .answers(200, "It is cancelled.", playback.clone()),
        post(
            "POST /playbacks/{id}/approve",
            "Approves what a comparison of gateways has found",
        )
        .may_take(schemas.body::<Approve>())
        .answers(202, "It is carried out.", playback),
        post(
            "POST /projections/{name}/activate",
            "Lets another generation serve",
        )
        .takes(schemas.body::<Activate>())
        .answers(200, "It serves.", generations.clone()),
        post("POST /projections/{name}/drop", "Drops a generation")
            .takes(schemas.body::<Wanted>())
            .answers(202, "It is deleted.", generations),
        post(
            "POST /streams/{stream}/events/{version}/reversal",
            "Takes one event back, or shows what that would change",
        )
        .takes(schemas.body::<Reverse>())
        .answers(200, "What would change.", previewed)
        .answers(202, "The event is taken back.", accepted),
        post(
            "POST /dead-letters/handled",
            "Takes a dead letter off the list that an operator has dealt with",
        )
        .takes(schemas.body::<Handled>())
        .answers(200, "It is off the list.", schemas.answer::<OffTheList>()),
    ]
}
