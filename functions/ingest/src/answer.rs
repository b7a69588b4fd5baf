//! What a batch is answered with, item by item, and how large that is.

use rewind::{CloudEvent, Problem};
use rewind_aws::{
    api::ingest::Item,
    aws::http::{MAX_WEIGHT, weight},
};

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
