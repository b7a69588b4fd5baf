//! What pump records about what it cannot record: events of Rewind's own.

use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{Event, StreamName, event::raw};
use rewind_aws::{given::now, peek, records::Record};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The most bytes of an unreadable record in one event. A larger record is
/// parked in parts: base64 adds a third.
const PART: usize = 180 * 1024;

const SOURCE: &str = "/rewind/pump";

/// The identity of `event` belongs to other content.
pub fn conflict(event: &Event) -> Option<Event> {
    let id = format!("conflict/{}/{}", event.identity(), event.fingerprint());
    let data = json!({
        "id": event.id,
        "source": event.source,
        "type": event.kind,
        "stream": event.stream,
        "time": event.time,
        "data": serde_json::from_str::<Value>(event.data.get()).ok()?,
    });
    own(SOURCE, id, "rewind-conflicts", "identity-conflict", &data)
}

/// A record that holds no accepted events, parked with its bytes.
pub fn unreadable(record: &Record, reason: &str) -> Vec<Event> {
    let parts = record.data.chunks(PART).collect::<Vec<_>>();
    let count = parts.len();
    let parts = parts.into_iter().enumerate().filter_map(|(nth, bytes)| {
        let (source, id) = peek::parked_as(&record.sequence_number, nth);
        let data = json!({
            "sequenceNumber": record.sequence_number,
            "reason": reason,
            "part": nth + 1,
            "parts": count,
            "bytes": STANDARD.encode(bytes),
        });
        own(source, id, "rewind-unreadable", "record-unreadable", &data)
    });
    parts.collect()
}

fn own(source: &str, id: String, stream: &str, kind: &str, data: &Value) -> Option<Event> {
    Some(Event {
        id,
        source: source.into(),
        kind: kind.into(),
        stream: StreamName::new(stream).ok()?,
        time: now().to_string(),
        extensions: BTreeMap::new(),
        data: raw(data),
    })
}
