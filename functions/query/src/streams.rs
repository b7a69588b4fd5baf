//! `GET /streams/{stream}`: recorded events, in order, paged.

use crate::handler::{Handler, MAX_ANSWER, Unanswered};
use rewind::{Problem, Recorded, StreamName};
use rewind_aws::http::{self, Request, Response};
use serde::Serialize;

#[derive(Serialize)]
struct Events<'a> {
    stream: &'a StreamName,
    events: Vec<Recorded>,
    /// What `from` is for the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
}

impl Handler {
    pub(crate) async fn stream(&self, request: &Request) -> Result<Response, Unanswered> {
        let stream = StreamName::new(http::path(request, "stream"))
            .map_err(|bad| Problem::invalid("stream", format!("the stream's name {bad}")))?;
        let from = http::query_number(request, "from", 1..=u64::MAX, 1)?;
        let limit = http::query_number(request, "limit", 1..=1000, 100)?;
        let through = from.saturating_add(limit - 1);
        let mut events: Vec<Recorded> = Vec::new();
        let mut bytes = 0;
        let mut next = None;
        'reading: loop {
            let after = from - 1 + events.len() as u64;
            // One more than asked for tells whether there is a next page.
            let page = self
                .events
                .read_events(&stream, after, through.saturating_add(1));
            let (read, has_more) = page.await?;
            for event in read {
                bytes += event.event.data.get().len() + 512;
                if event.version > through || (bytes > MAX_ANSWER && !events.is_empty()) {
                    next = Some(event.version);
                    break 'reading;
                }
                events.push(event);
            }
            if !has_more {
                break;
            }
        }
        if events.is_empty() && from == 1 {
            return Err(Problem::not_found(format!("the stream {stream} has no events")).into());
        }
        let stream = &stream;
        Ok(http::json(
            200,
            &Events {
                stream,
                events,
                next,
            },
        ))
    }
}
