//! How far the reader of a stalled stream was told before.

use crate::{Error, data_table::row::Row, event_table::event_store::EventStore};
use rewind::StreamName;

/// The last version of a stream, strongly consistent, where its reader is
/// stalled. It was told of events behind the one at which it stands, and their
/// deliveries do not come again: once it goes on, it reads on to the end.
pub(crate) async fn told(
    events: &EventStore,
    stream: &StreamName,
    checkpoint: &Row,
) -> Result<Option<u64>, Error> {
    match checkpoint.stalled {
        Some(_) => Ok(Some(events.head(stream).await?.version)),
        None => Ok(None),
    }
}
