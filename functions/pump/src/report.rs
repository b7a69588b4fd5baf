//! What pump records about what it cannot record: events of Rewind's own.

use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{CloudEvent, event::raw};
use rewind_aws::{
    audit::waiting,
    aws::batch::Record,
    sequence::conflict::{self, own},
};
use serde_json::json;

/// The most bytes of an unreadable record in one event. A larger record is
/// parked in parts: base64 adds a third.
const PART: usize = 180 * 1024;

const SOURCE: &str = "/rewind/pump";

/// The identity of `event` belongs to other content.
pub fn conflict(event: &CloudEvent) -> Option<CloudEvent> {
    conflict::report(SOURCE, event)
}

/// A record that holds no accepted events, parked with its bytes.
pub fn unreadable(record: &Record, reason: &str) -> Vec<CloudEvent> {
    let parts = record.data.chunks(PART).collect::<Vec<_>>();
    let count = parts.len();
    let parts = parts.into_iter().enumerate().filter_map(|(nth, bytes)| {
        let (source, id) = waiting::parked_as(&record.sequence_number, nth);
        let data = json!({
            "sequenceNumber": record.sequence_number,
            "reason": reason,
            "part": nth + 1,
            "parts": count,
            "bytes": STANDARD.encode(bytes),
        });
        let data = raw(&data);
        own(source, id, "rewind-unreadable", "record-unreadable", data)
    });
    parts.collect()
}
