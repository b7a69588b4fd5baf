//! What a batch is answered with, item by item, and how large that is.

use rewind::{CloudEvent, Problem};
use rewind_aws::aws::http::{MAX_WEIGHT, weight};
use serde::Serialize;

/// An event that Kinesis holds.
#[derive(Serialize)]
pub struct Accepted<'a> {
    id: &'a str,
    source: &'a str,
    stream: &'a str,
}

/// What became of one event of a batch.
#[derive(Serialize)]
pub struct Item<'a> {
    status: u16,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    accepted: Option<Accepted<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a Problem>,
}

/// What became of each event of a batch.
#[derive(Serialize)]
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

/// The problem of an event that Kinesis did not take.
pub fn not_put(event: &CloudEvent) -> Problem {
    let id = &event.id;
    Problem::unavailable(format!(
        "the event could not be put on the stream; send it again, with the id {id:?}"
    ))
    .of("id")
}

/// Checks, before anything is put, that the answer can be returned whatever
/// becomes of the events: what is recorded has to be acknowledged.
///
/// # Errors
///
/// A problem with the limit.
pub fn is_answerable(outcomes: &[Result<CloudEvent, Problem>]) -> Result<(), Problem> {
    let sizes = outcomes.iter().map(|outcome| {
        let failed = outcome.as_ref().ok().map(|event| Err(not_put(event)));
        let failed = failed.map_or(0, |failed| size(&Item::new(&failed)));
        size(&Item::new(outcome)).max(failed) + 1
    });
    let size: usize = sizes.sum();
    if size <= MAX_WEIGHT {
        return Ok(());
    }
    let why = format!(
        "the answer to the batch could take {size} bytes; at most {MAX_WEIGHT} can be returned: send fewer events in one"
    );
    Err(Problem::new(413, "batch-too-large", why).of(rewind::problem::WHOLE))
}

/// How many bytes an item takes in what the function returns.
fn size(item: &Item<'_>) -> usize {
    // Text keys only: its JSON cannot fail.
    weight(&serde_json::to_string(item).unwrap_or_default())
}
