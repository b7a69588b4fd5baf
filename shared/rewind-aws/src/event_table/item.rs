//! The table's items: their keys, and commits as they are stored.

use crate::{
    Error,
    aws::item::{Item, number, string},
};
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::{Commit, StreamName, numbers::Numbers, reversal::LastReversal};
use std::collections::HashMap;

pub(super) fn key(stream: &str, version: u64) -> Item {
    HashMap::from([
        ("stream".to_string(), text(stream)),
        (
            "version".to_string(),
            AttributeValue::N(version.to_string()),
        ),
    ])
}

pub(super) fn commit(item: &Item) -> Result<Commit, Error> {
    Ok(Commit {
        stream: stream_of(item, "stream")?,
        version: number(item, "version")?,
        length: number(item, "length")?,
        position: number(item, "position")?,
        events: string(item, "events")?.to_string(),
        reversal: reversal(item)?,
        numbers: numbers(item)?,
        appender: match item.contains_key("appender") {
            true => Some(string(item, "appender")?.to_string()),
            false => None,
        },
    })
}

/// The last reversal as of the end of a commit: 0 says that there is none. The
/// attribute is missing in a commit that was recorded before there was one.
pub(super) fn reversal(item: &Item) -> Result<LastReversal, Error> {
    if !item.contains_key("reversal") {
        return Ok(LastReversal::Unknown);
    }
    Ok(match number(item, "reversal")? {
        0 => LastReversal::None,
        version => LastReversal::At(version),
    })
}

/// How far the sources of the stream have counted as of the end of a commit. The
/// attribute is missing where none has.
pub(super) fn numbers(item: &Item) -> Result<Numbers, Error> {
    let Some(stored) = item.get("numbers") else {
        return Ok(Numbers::default());
    };
    let damaged = || Error::damaged("the attribute `numbers`", "expected numbers by source");
    let stored = stored.as_m().map_err(|_| damaged())?;
    let stored: Option<Vec<(&str, u64)>> = stored
        .iter()
        .map(|(source, last)| Some((&**source, last.as_n().ok()?.parse().ok()?)))
        .collect();
    stored.and_then(Numbers::read).ok_or_else(damaged)
}

pub(super) fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_string())
}

pub(super) fn stream_of(item: &Item, name: &str) -> Result<StreamName, Error> {
    let text = string(item, name)?;
    StreamName::new(text).map_err(|bad| Error::damaged(format!("stream name {text:?}"), bad))
}
