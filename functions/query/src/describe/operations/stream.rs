//! The stream of events: what `GET /events` sends to who reads server-sent events.

use super::super::operation::Operation;
use crate::live::FRAMES;
use serde_json::{Value, json};

const EVENT_STREAM: &str = "text/event-stream";

/// What a stream holds.
const HOLDS: &str = "Server-sent events, without end on the side of the client: the connection ends after half a minute, and a client comes again. It begins with `retry`. The `data` of each is a recorded event, as JSON in one line; there is no `event` field. An `id` stands at the last event of each look: with it in `Last-Event-ID`, the stream goes on behind that event and misses none. Who is cut off within a look gets it again. A comment, a line that begins with a colon, keeps a silent connection open.";

/// With the stream that the route also answers with. On AWS, that has a URL of
/// its own.
pub(super) fn streamed(operation: Operation) -> Operation {
    let schema = json!({"type": "string", "pattern": FRAMES, "description": HOLDS});
    operation
        .reads(&["Prefer", "Last-Event-ID"])
        .answers_as(200, "The answer.", EVENT_STREAM, schema)
        .with("description", ABOUT.into())
        .with("servers", servers())
        .with(
            "security",
            json!([{}, {"signature": []}, {"token": []}, {"functionSignature": []}]),
        )
}

/// Where which of the two is answered.
const ABOUT: &str = "JSON is a page, whose `next` is the `cursor` of the next request. With `Accept: text/event-stream`, a local system answers with a stream. On AWS, an HTTP API cannot stream: the stream is answered at the function's own URL, which a deployment with `EventStream=true` has, and at which there is no page. A stream takes `category`, `after` and `cursor`, and no other parameter.";

/// The HTTP API, and the function's URL.
fn servers() -> Value {
    json!([
        {"url": "/", "description": "The HTTP API."},
        {
            "url": "https://{urlId}.lambda-url.{region}.on.aws",
            "description": "The output `EventStreamUrl` of a stack with `EventStream=true`, for the stream. Requests are signed for the service `lambda`.",
            "variables": {
                "urlId": {"default": "url-id", "description": "The first part of the host in the output."},
                "region": {"default": "us-east-1", "description": "The region of the stack."},
            },
        },
    ])
}
