//! Unique values: each is a stream, taken and released by events, so that
//! nothing has to be changed or deleted.

use super::answer::Failure;
use crate::{Error, event_table::event_store::EventStore};
use rewind::{
    Head, NewEvent, RecordedEvent, StreamName,
    reserved::{VALUE_CLAIMED, VALUE_RELEASED},
    reversal::{Reversal, effective},
};
use serde::Deserialize;
use serde_json::json;

/// A value as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Where its stream stands.
    pub head: Head,
    /// The stream that holds it.
    pub by: Option<StreamName>,
}

/// The data of both events of a value.
#[derive(Deserialize)]
struct Held {
    by: StreamName,
}

/// The value of a stream, strongly consistent.
pub(super) async fn value(events: &EventStore, stream: &StreamName) -> Result<Value, Failure> {
    let Some(last) = events.last_commit(stream).await? else {
        let head = Head::default();
        return Ok(Value { head, by: None });
    };
    let head = last.head();
    let mut told = last.events().map_err(Error::from)?;
    if told.iter().any(Reversal::is_one) {
        // An operator has taken a claim back, or a release.
        told = whole(events, stream, head.version).await?;
    }
    let last = effective(&told).last();
    let by = match last.filter(|event| event.event_type() == VALUE_CLAIMED) {
        Some(claimed) => {
            let held = claimed.data::<Held>();
            let held = held.map_err(|why| Failure::Poisoned {
                stream: stream.clone(),
                version: claimed.version,
                why,
            })?;
            Some(held.by)
        }
        None => None,
    };
    Ok(Value { head, by })
}

async fn whole(
    events: &EventStore,
    stream: &StreamName,
    through: u64,
) -> Result<Vec<RecordedEvent>, Error> {
    let mut all: Vec<RecordedEvent> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.version);
        let (page, has_more) = events.read_events(stream, after, through).await?;
        all.extend(page);
        if !has_more {
            return Ok(all);
        }
    }
}

/// The event by which a stream takes a value.
pub(super) fn claimed(value: &StreamName, by: &StreamName) -> NewEvent {
    NewEvent::untyped(value.clone(), VALUE_CLAIMED, json!({"by": by}))
}

/// The event by which it is free again.
pub(super) fn released(value: &StreamName, by: &StreamName) -> NewEvent {
    NewEvent::untyped(value.clone(), VALUE_RELEASED, json!({"by": by}))
}
