//! `GET /events` as server-sent events, through the function's URL: events as
//! they are recorded, for as long as the invocation lasts. A client goes on with
//! `Last-Event-ID`, as browsers do by themselves.

use crate::{
    cursor,
    events::{self, FIRST_PAUSE, category, from},
    handler::Handler,
    sources::{Sources, Unanswered},
};
use aws_lambda_events::{
    encodings::Body,
    http::{
        HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
};
use futures::{Stream, StreamExt, stream};
use lambda_runtime::{Error, MetadataPrelude, StreamResponse};
use rewind::{Problem, problem::PROBLEM_JSON};
use rewind_aws::{
    aws::{
        clock,
        http::{self, Parameters, Request, Response, Route, header},
    },
    history::tail::Place,
};
use serde_json::Value;
use std::{pin::Pin, sync::Arc, time::Duration};
use tokio::time::Instant;

/// What a URL takes. It knows no routes.
const ROUTE: Route = Route {
    key: "GET /events",
    takes: &["category", "after", "cursor"],
    about: "query",
};

/// How long before Lambda's deadline a stream ends by itself.
const RESERVE: Duration = Duration::from_secs(2);

/// How long nothing is sent at most: whatever stands between may close a
/// connection that is silent.
const SILENCE: Duration = Duration::from_secs(10);

/// Events in one look.
const LIMIT: usize = 500;

/// What a stream is, as a regular expression: when to come again, events of which
/// some have an id, and comments.
pub(crate) const FRAMES: &str = r"^retry: [0-9]+\n\n((id: .+\n)?data: .+\n\n|: .*\n\n)*$";

/// How soon a client comes again behind the end of a stream.
const BEGIN: &str = "retry: 500\n\n";

/// What is sent where nothing has come.
const NOTHING: &str = ": nothing new\n\n";

/// What a stream sends.
pub type Parts = Pin<Box<dyn Stream<Item = Result<String, Error>> + Send>>;

/// Whether a request comes through the function's URL.
pub(crate) fn is_meant(request: &Request) -> bool {
    request.route_key.as_deref() == Some("$default")
}

/// Answers a request that comes through the function's URL. `deadline` is in
/// milliseconds since 1970.
pub(crate) async fn answer(
    handler: Arc<Handler>,
    request: &Request,
    deadline: u64,
) -> StreamResponse<Parts> {
    match begin(&handler.sources, request).await {
        Ok((question, place)) => {
            let now = clock::micros() / 1000;
            let left = Duration::from_millis(deadline.saturating_sub(now));
            let tail = Following {
                handler,
                question,
                place,
                until: Instant::now() + left.saturating_sub(RESERVE),
            };
            let parts = stream::once(async { Ok(BEGIN.to_string()) }).chain(tail.parts());
            streamed(StatusCode::OK, "text/event-stream", parts.boxed())
        }
        Err(response) => {
            let text = match response.body {
                Some(Body::Text(text)) => text,
                _ => String::new(),
            };
            let status = u16::try_from(response.status_code).unwrap_or(500);
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            streamed(
                status,
                PROBLEM_JSON,
                stream::once(async { Ok(text) }).boxed(),
            )
        }
    }
}

fn streamed(status: StatusCode, media: &'static str, stream: Parts) -> StreamResponse<Parts> {
    let mut metadata_prelude = MetadataPrelude {
        status_code: status,
        ..MetadataPrelude::default()
    };
    let headers = &mut metadata_prelude.headers;
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    StreamResponse {
        metadata_prelude,
        stream,
    }
}

/// What is asked for, and where it begins.
async fn begin(sources: &Sources, request: &Request) -> Result<(Option<String>, Place), Response> {
    let http = &request.request_context.http;
    let is_events = request.raw_path.as_deref() == Some("/events") && http.method == "GET";
    if !is_events {
        let why = "the function's URL answers GET /events alone, as server-sent events";
        return Err(http::problem(&Problem::not_found(why)));
    }
    let refused = |problem: Problem| http::problem(&ROUTE.refusing(problem));
    let parameters = ROUTE.parameters(request).map_err(refused)?;
    let category = category(&parameters).map_err(refused)?.map(str::to_string);
    let place = match header(request, "last-event-id") {
        Some(last) if !last.is_empty() => {
            let question = question(category.as_deref());
            let place = cursor::read(last, &question);
            place.ok_or_else(|| refused(cursor::unfit()))?
        }
        _ => match placed(sources, &parameters, category.as_deref()).await {
            Ok(place) => place,
            Err(Unanswered::Refused(problem)) => return Err(refused(problem)),
            Err(Unanswered::Failed(error)) => {
                lambda_runtime::tracing::error!(%error, "not answered");
                return Err(http::problem(&http::failed(&error)));
            }
        },
    };
    Ok((category, place))
}

async fn placed(
    sources: &Sources,
    parameters: &Parameters,
    category: Option<&str>,
) -> Result<Place, Unanswered> {
    let from = from(parameters, &question(category))?;
    let tail = sources.tail_of(category);
    Ok(from.place(&tail).await?)
}

fn question(category: Option<&str>) -> [&str; 2] {
    ["events", category.unwrap_or_default()]
}

/// A stream under way.
struct Following {
    handler: Arc<Handler>,
    question: Option<String>,
    place: Place,
    until: Instant,
}

impl Following {
    /// What it sends: the events of each look, or a comment so that the connection
    /// is not silent.
    fn parts(self) -> impl Stream<Item = Result<String, Error>> + Send {
        stream::unfold(self, |mut following| async move {
            let part = following.next().await?;
            Some((part, following))
        })
    }

    async fn next(&mut self) -> Option<Result<String, Error>> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left <= FIRST_PAUSE {
            return None;
        }
        let tail = self.handler.sources.tail_of(self.question.as_deref());
        let told = match events::read(&tail, &self.place, LIMIT, left.min(SILENCE)).await {
            Ok(told) => told,
            Err(error) => {
                // The client comes again, where it stopped.
                lambda_runtime::tracing::error!(%error, "a stream ends");
                return None;
            }
        };
        self.place = told.place;
        if told.events.is_empty() {
            return Some(Ok(NOTHING.to_string()));
        }
        let id = cursor::encode(&question(self.question.as_deref()), &self.place);
        Some(text(&told.events, &id))
    }
}

/// The events of a look. The last one has the place as its id: a client that is
/// cut off before it gets the look again.
fn text(events: &[rewind::RecordedEvent], id: &str) -> Result<String, Error> {
    let mut text = String::new();
    for (nth, event) in events.iter().enumerate() {
        if nth + 1 == events.len() {
            text.push_str(&format!("id: {id}\n"));
        }
        let event: Value = serde_json::to_value(event)?;
        text.push_str(&format!("data: {event}\n\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonschema::validator_for;
    use rewind::{CloudEvent, RecordedEvent, StreamName, event::raw};
    use serde_json::json;

    #[test]
    fn what_is_sent_is_as_it_is_described() {
        let is_stream = validator_for(&json!({"type": "string", "pattern": FRAMES})).unwrap();
        let event = |version: u64| RecordedEvent {
            event: CloudEvent {
                id: version.to_string(),
                source: "/t".into(),
                event_type: "noted".into(),
                stream: StreamName::new("note-1").unwrap(),
                time: "2023-04-19T09:00:00Z".into(),
                extensions: Default::default(),
                data: raw(&json!("two\nlines")),
            },
            version,
            position: version,
        };
        let look = text(&[event(1), event(2)], "place").unwrap();
        let whole = format!("{BEGIN}{NOTHING}{look}{NOTHING}{look}");
        assert!(is_stream.is_valid(&whole.clone().into()), "{whole}");
        for wrong in [
            "",
            &look,
            &whole[..whole.len() - 1],
            "retry: 1\n\ndata: 1\n",
        ] {
            assert!(!is_stream.is_valid(&wrong.into()), "{wrong}");
        }
    }
}
