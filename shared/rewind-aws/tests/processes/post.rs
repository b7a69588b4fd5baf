//! A post office that knows parcels.

use crate::domain::{ParcelEvent, service};
pub use crate::support::post::Post;
use rewind::{CloudEvent, NewEvent, event::raw};
use std::collections::BTreeMap;

pub async fn start() -> Post {
    Post::of(service()).await
}

/// An event of a parcel.
pub fn parcel(id: &str, nth: u64, time: &str, event: &ParcelEvent) -> CloudEvent {
    let new = NewEvent::new(id, event).unwrap();
    CloudEvent {
        id: format!("{id}/{nth}"),
        source: "/test".into(),
        event_type: new.event_type,
        stream: new.stream,
        time: time.into(),
        extensions: BTreeMap::new(),
        data: raw(&new.data),
    }
}
