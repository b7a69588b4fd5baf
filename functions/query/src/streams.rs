//! `GET /streams/{stream}`: recorded events, in order, paged.

use crate::sources::{Fitting, Sources, Unanswered};
use rewind::{Problem, StreamName};
use rewind_aws::aws::http::{self, Parameters, Response, bad_parameter};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StreamEvents")]
pub(crate) struct Events<'a> {
    stream: &'a StreamName,
    #[schemars(with = "Vec<rewind::RecordedEvent>")]
    events: Vec<Box<RawValue>>,
    /// What `from` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    /// Which event the first one here stands behind: to be read back with `from`.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
}

impl Sources {
    pub(crate) async fn stream(&self, parameters: &Parameters) -> Result<Response, Unanswered> {
        let stream = StreamName::new(parameters.path("stream"))
            .map_err(|bad| Problem::invalid("stream", format!("the stream's name {bad}")))?;
        let from = parameters.number("from", 1..=u64::MAX)?;
        let limit = parameters.number("limit", 1..=1000)?;
        let last = parameters.number("last", 1..=1000)?;
        let (from, limit) = match last {
            None => (from.unwrap_or(1), limit.unwrap_or(100)),
            Some(_) if from.is_some() || limit.is_some() => {
                let why = "says how many and where, as `from` and `limit` do: expected it alone";
                return Err(bad_parameter("last", why).into());
            }
            Some(last) => {
                let head = self.events.head(&stream).await?.version;
                (head.saturating_sub(last) + 1, last)
            }
        };
        let through = from.saturating_add(limit - 1);
        let mut events = Fitting::default();
        let mut next = None;
        'reading: loop {
            let after = from - 1 + events.items.len() as u64;
            // One more than asked for tells whether there is a next page.
            let page = self
                .events
                .read_events(&stream, after, through.saturating_add(1));
            let (read, has_more) = page.await?;
            for event in read {
                let version = event.version;
                if version > through || !events.take(&event, || format!("{stream}@{version}"))? {
                    next = Some(version);
                    break 'reading;
                }
            }
            if !has_more {
                break;
            }
        }
        let events = events.items;
        if events.is_empty() && from == 1 {
            return Err(Problem::not_found(format!("the stream {stream} has no events")).into());
        }
        let stream = &stream;
        let before = (from > 1 && last.is_some()).then(|| from - 1);
        Ok(http::json(
            200,
            &Events {
                stream,
                events,
                next,
                before,
            },
        ))
    }
}
