//! ingest's routes, and what it answers.

use rewind::{CloudEvent, Problem};
use schemars::JsonSchema;
use serde::Serialize;

/// The routes that `template.yaml` has to lead to ingest.
pub const ROUTES: &[&str] = &["POST /events", "POST /inputs/{source}"];

/// An event that Kinesis holds.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "EventAccepted")]
pub struct Accepted<'a> {
    /// The event's id.
    pub id: &'a str,
    /// Its source.
    pub source: &'a str,
    /// Its stream.
    pub stream: &'a str,
}

/// What became of one event of a batch.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BatchItem")]
pub struct Item<'a> {
    /// The HTTP status that it would have alone.
    pub status: u16,
    /// Of an event that Kinesis holds.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Accepted<'a>>,
    /// Why the event is not taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<&'a Problem>,
}

/// What became of each event of a batch.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "BatchAnswer")]
pub struct Items<'a> {
    /// In the order of the batch.
    pub results: Vec<Item<'a>>,
}

impl<'a> Accepted<'a> {
    /// What an accepted event is answered with.
    pub fn new(event: &'a CloudEvent) -> Self {
        Self {
            id: &event.id,
            source: &event.source,
            stream: event.stream.as_str(),
        }
    }
}

impl<'a> Item<'a> {
    /// What an event or its problem is answered with.
    pub fn new(outcome: &'a Result<CloudEvent, Problem>) -> Self {
        Self {
            status: outcome
                .as_ref()
                .map_or_else(|problem| problem.status, |_| 202),
            accepted: outcome.as_ref().ok().map(Accepted::new),
            problem: outcome.as_ref().err(),
        }
    }
}
