//! Parameters of paths, of query strings and of headers, by their names.

use serde_json::{Value, json};

/// The parameters of a route's path, in their order.
pub(super) fn of_path(path: &str) -> Vec<Value> {
    let parts = path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(name.trim_end_matches('+'))
    });
    let first = path.split('/').nth(1).unwrap_or_default();
    let parameters = parts.map(|name| {
        let (schema, about) = in_path(first, name);
        parameter("path", name, schema, about)
    });
    parameters.collect()
}

fn in_path(first: &str, name: &str) -> (Value, &'static str) {
    let text = json!({"type": "string", "minLength": 1});
    match (first, name) {
        (_, "version") => (whole(1), "The event's version."),
        (_, "stream") => (text, "The stream's name, such as `cart-456`."),
        (_, "category") => (text, "The category that the aggregate decides about."),
        (_, "source") => (text, "The source, as its adapter names it."),
        (_, "key") => (
            text,
            "The row's key. A key that a path cannot carry goes into the parameter `key` of the list.",
        ),
        ("gateways", "name") => (text, "The gateway's name."),
        (_, "name") => (text, "The projection's name."),
        ("events", "id") => (text, "The event's place, `stream@version`."),
        ("commands", "id") => (
            text,
            "With a category before it the id of the aggregate, alone the id of the command.",
        ),
        ("aggregates", "id") => (text, "The id of the aggregate."),
        (_, _) => (text, "The playback's id."),
    }
}

/// A parameter that a route's query string takes.
pub(super) fn in_query(route: &str, name: &str) -> Value {
    let text = || json!({"type": "string"});
    let time = || json!({"type": "string", "format": "date-time"});
    let (schema, about) = match (name, route) {
        ("limit", "GET /playbacks") => (
            up_to(1, 100),
            "How many, at most; 20 where nothing is said.",
        ),
        ("limit", "GET /operations" | "GET /incidents") => (
            up_to(1, 200),
            "How many, at most; 50 where nothing is said.",
        ),
        ("limit", "GET /playbacks/{id}/differences" | "GET /gateways/{name}/ledger") => (
            up_to(1, 200),
            "How many are looked at, at most; 50 where nothing is said.",
        ),
        ("limit", _) => (
            up_to(1, 1000),
            "How many, at most; 100 where nothing is said.",
        ),
        ("last", _) => (
            up_to(1, 1000),
            "The last so many events, in order. Without `from` and `limit`.",
        ),
        ("latest", _) => (
            up_to(1, 1000),
            "The latest so many events, the newest first.",
        ),
        ("before", _) => (
            whole(1),
            "With `latest`: of the events with a position below this one.",
        ),
        ("sample", _) => (
            up_to(0, 100),
            "How many rows that differ are shown; 10 where nothing is said.",
        ),
        ("cursor", _) => (
            text(),
            "`next` of the answer before, with the same path and parameters.",
        ),
        ("category", _) => (
            json!({"type": "string", "minLength": 1, "pattern": "^[^-]+$"}),
            "Only this category.",
        ),
        ("prefix", "GET /streams") => (
            text(),
            "What the id begins with, where a category is given; otherwise what the name begins with.",
        ),
        ("prefix", _) => (text(), "What the keys begin with."),
        ("by", _) => (
            text(),
            "Rows by their projection's secondary key, which this names: with `value`.",
        ),
        ("value", _) => (
            json!({"type": "string", "minLength": 1}),
            "The value of the secondary key.",
        ),
        ("count", _) => (flag(), "Whether the streams of each are counted."),
        ("compare", _) => (flag(), "Whether it is shown what a replay would send."),
        ("from", _) => (whole(1), "The first version."),
        ("after", _) => (
            json!({"oneOf": [whole(0), {"const": "now"}]}),
            "Behind this position; `now`: only what comes. Without it, from the beginning.",
        ),
        ("generation", _) => (
            whole(1),
            "This generation; the one that serves, where nothing is said.",
        ),
        ("a" | "b", _) => (whole(1), "A generation."),
        ("at", _) => (whole(1), "As the row was when its stream had this version."),
        ("as_of", _) => (
            time(),
            "As it was at this time: of what was recorded by then.",
        ),
        ("as_at", _) => (time(), "As it was at this time, by the events' own time."),
        ("at_least", _) => (
            json!({"type": "string", "pattern": "^(.+@)?[0-9]+$"}),
            "A row that holds this version of its stream; `stream@version` where streams share rows. Waited for, as `Prefer` says.",
        ),
        ("key", "GET /gateways/{name}/ledger") => (text(), "The calls of this key."),
        ("key", _) => (text(), "The one row of this key."),
        ("type", _) => (text(), "Whether this command would be taken."),
        ("data", _) => (text(), "The command's data, as JSON."),
        (_, _) => (text(), ""),
    };
    parameter("query", name, schema, about)
}

/// A header that a route reads.
pub(super) fn in_header(name: &str) -> Value {
    let text = json!({"type": "string"});
    let (schema, about) = match name {
        "Prefer" => (
            text,
            "`wait=10` waits up to so many seconds, 20 at most (RFC 7240); a command also takes `respond-async`.",
        ),
        "Last-Event-ID" => (
            text,
            "Of a stream: the `id` that came last. It goes on behind it, whatever `after` and `cursor` say.",
        ),
        "If-Match" => (
            json!({"type": "string", "pattern": "^\"[0-9]+\"$"}),
            "The version that the stream has to have, in quotes; `\"0\"` without events.",
        ),
        "Idempotency-Key" => (
            json!({"type": "string", "minLength": 1}),
            "The request sent again with this key is the same request.",
        ),
        _ => (text, ""),
    };
    parameter("header", name, schema, about)
}

fn parameter(place: &str, name: &str, schema: Value, about: &str) -> Value {
    json!({
        "name": name,
        "in": place,
        "required": place == "path",
        "description": about,
        "schema": schema,
    })
}

fn flag() -> Value {
    json!({"type": "boolean"})
}

fn whole(least: u64) -> Value {
    json!({"type": "integer", "minimum": least})
}

fn up_to(least: u64, most: u64) -> Value {
    json!({"type": "integer", "minimum": least, "maximum": most})
}
