//! Events as a shop sends them: what the benches work on.

use rewind::{CloudEvent, RecordedEvent, StreamName, event::raw};
use serde_json::json;
use std::collections::BTreeMap;

/// Whether the events of a sample are numbered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// `#STREAM/N`.
    Numbers,
    /// What a client would make up.
    Claims,
}

/// The `nth` event of a stream: some 300 bytes in its commit.
pub fn event(stream: &str, nth: u64, ids: Ids) -> CloudEvent {
    let id = match ids {
        Ids::Numbers => format!("#{stream}/{nth}"),
        Ids::Claims => format!("01890dd5-ea3f-7000-8000-{nth:012x}-{stream}"),
    };
    let data = json!({
        "user_id": format!("user-{}", nth % 977),
        "product_id": format!("product-{}", nth % 89),
        "quantity": nth % 7 + 1,
        "cents": 1999 + nth % 500,
        "note": "left at the door, please ring twice",
    });
    CloudEvent {
        id,
        source: "/shop/web".into(),
        event_type: "product-added-to-cart".into(),
        stream: StreamName::new(stream).expect("it is a stream's name"),
        time: "2026-11-30T09:00:00.123456Z".into(),
        extensions: BTreeMap::from([("correlationid".to_string(), json!(format!("visit-{nth}")))]),
        data: raw(&data),
    }
}

/// `count` events over some streams in turn, from the `first` of each stream on.
pub fn events_from(
    prefix: &str,
    count: usize,
    streams: usize,
    first: u64,
    ids: Ids,
) -> Vec<CloudEvent> {
    let events = 0..count as u64;
    let streams = streams as u64;
    events
        .map(|nth| {
            let stream = format!("cart-{prefix}{}", nth % streams);
            event(&stream, first + nth / streams, ids)
        })
        .collect()
}

/// The first numbered events of some streams, in turn.
pub fn events(prefix: &str, count: usize, streams: usize) -> Vec<CloudEvent> {
    events_from(prefix, count, streams, 1, Ids::Numbers)
}

/// Events as they are recorded, one behind the other.
pub fn recorded(events: &[CloudEvent]) -> Vec<RecordedEvent> {
    let recorded = events
        .iter()
        .zip(1..)
        .map(|(event, version)| RecordedEvent {
            event: event.clone(),
            version,
            position: 1_764_493_200_000_000 + version,
        });
    recorded.collect()
}
