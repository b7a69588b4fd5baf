//! Asks for more partitions of a category's index.

use super::conflict::own;
use crate::{
    Error,
    aws::{clock::id, producer::Stream, publish::Run},
    event_table::slices::{RAISED, Raised, SOURCE, STREAM},
};
use rewind::Batch;
use serde_json::value::to_raw_value;

/// Sends a raise to the stream `incoming`: it is on its way into the events table
/// when this returns.
///
/// # Errors
///
/// When Kinesis does not take it.
pub async fn raise(incoming: &Stream, raised: &Raised) -> Result<(), Error> {
    let unfit = |why: String| Error::damaged(format!("the raise of {}", raised.category), why);
    let data = to_raw_value(raised).map_err(|error| unfit(error.to_string()))?;
    let event = own(SOURCE, id(), STREAM, RAISED, data);
    let event = event.ok_or_else(|| unfit(format!("{STREAM} is no stream")))?;
    let packed = Batch::encode(std::slice::from_ref(&event));
    let run = Run::new(event.stream.as_str(), packed);
    let published = incoming.publish(vec![run]).await;
    match published.into_iter().find_map(|run| run.refused) {
        Some(reason) => Err(Error::Service {
            operation: "PutRecords",
            reason,
        }),
        None => Ok(()),
    }
}
