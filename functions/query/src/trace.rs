//! `GET /streams/{stream}/events/{version}/trace` and `GET /events/{id}/trace`:
//! what led to an event, and what it has led to.

use crate::sources::{Fitting, Sources, Unanswered};
use rewind::{Problem, RecordedEvent, StreamName};
use rewind_aws::{
    aws::http::{self, Parameters, Response, missing},
    history::trace,
};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize, JsonSchema)]
pub(crate) struct Trace {
    /// The place that was asked for.
    event: String,
    /// A cause before what it has led to.
    #[schemars(with = "Vec<Traced<'static>>")]
    events: Vec<Box<RawValue>>,
    /// Whether there are more.
    more: bool,
}

#[derive(Serialize, JsonSchema)]
struct Traced<'a> {
    at: String,
    /// The place of its cause.
    cause: Option<String>,
    event: &'a RecordedEvent,
}

impl Sources {
    /// The trace of the event that two parts of the path name.
    pub(crate) async fn trace(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let version = parameters.path_number("version")?;
        self.trace_of("stream", parameters.path("stream"), version)
            .await
    }

    /// The trace of the event that a place names, as `causationid` does.
    pub(crate) async fn trace_at(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let place = parameters.path("id").rsplit_once('@');
        let place = place.and_then(|(stream, version)| {
            let is_number = version.bytes().all(|byte| byte.is_ascii_digit());
            let version: u64 = version.parse().ok().filter(|_| is_number)?;
            Some((stream, version)).filter(|(_, version)| *version > 0)
        });
        let why = "expected the place of an event, stream@version, such as cart-456@1";
        let (stream, version) = place.ok_or_else(|| Problem::invalid("id", why))?;
        self.trace_of("id", stream, version).await
    }

    async fn trace_of(
        &self,
        field: &str,
        stream: &str,
        version: u64,
    ) -> Result<Response, Unanswered> {
        let stream = StreamName::new(stream)
            .map_err(|bad| Problem::invalid(field, format!("the stream's name {bad}")))?;
        let found = trace::trace(&self.service, &self.events, &stream, version).await?;
        let place = format!("{stream}@{version}");
        let unknown = || missing(field, format!("there is no event {place}"));
        let found = found.ok_or_else(unknown)?;
        let (mut events, mut more) = (Fitting::default(), found.has_more);
        for event in &found.events {
            let cause = trace::cause_of(event);
            let traced = Traced {
                at: format!("{}@{}", event.stream(), event.version),
                cause: cause.map(|(stream, version)| format!("{stream}@{version}")),
                event,
            };
            if !events.take(&traced, || traced.at.clone())? {
                more = true;
                break;
            }
        }
        let answer = Trace {
            event: place,
            events: events.items,
            more,
        };
        Ok(http::json(200, &answer))
    }
}
