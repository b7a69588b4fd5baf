//! Ids and times: what the pure crate has no clock and no dice for.

use jiff::Timestamp;
use rewind::cloudevents::Defaults;
use std::time::SystemTime;
use uuid::Uuid;

/// An id (UUID version 7, which sorts by time) and the present time, for an
/// event that brings none.
pub fn defaults() -> Defaults {
    Defaults {
        id: id(),
        time: now().to_string(),
    }
}

/// A new id: UUID version 7.
pub fn id() -> String {
    Uuid::now_v7().to_string()
}

/// The present, in milliseconds.
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let millis = since.unwrap_or_default().as_millis();
    // Beyond the year 9999 there is no timestamp.
    Timestamp::from_millisecond(millis as i64).unwrap_or(Timestamp::MAX)
}
