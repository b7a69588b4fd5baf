//! What Rewind reports of events that it does not record or decide.

use crate::aws::clock::now;
use rewind::{CloudEvent, StreamName, event::DATA_BASE64};
use serde_json::value::{RawValue, to_raw_value};
use std::collections::BTreeMap;

/// The stream of the reports.
const CONFLICTS: &str = "rewind-conflicts";

/// A report, under the source of a function, of an event whose identity, or of a
/// command whose key, belongs to other content. `None` where it has no JSON.
pub fn report(source: &str, event: &CloudEvent) -> Option<CloudEvent> {
    let id = format!("conflict/{}/{}", event.identity(), event.fingerprint());
    let attributes = [
        ("id", Some(&*event.id)),
        ("source", Some(&event.source)),
        ("type", Some(&event.event_type)),
        ("stream", Some(event.stream.as_str())),
        ("time", Some(&event.time)),
        ("datacontenttype", event.extension("datacontenttype")),
        (DATA_BASE64, event.data_base64()),
    ];
    let attributes = attributes.into_iter().filter_map(|(name, text)| {
        let text = to_raw_value(text?).ok()?;
        Some((name, text))
    });
    let mut data: BTreeMap<&str, Box<RawValue>> = attributes.collect();
    // As it was sent: imported history may be nested deeper than a `Value` is.
    if event.data_base64().is_none() {
        data.insert("data", event.data.clone());
    }
    let data = to_raw_value(&data).ok()?;
    own(source, id, CONFLICTS, "identity-conflict", data)
}

/// An event of Rewind's own.
pub fn own(
    source: &str,
    id: String,
    stream: &str,
    event_type: &str,
    data: Box<RawValue>,
) -> Option<CloudEvent> {
    Some(CloudEvent {
        id,
        source: source.into(),
        event_type: event_type.into(),
        stream: StreamName::new(stream).ok()?,
        time: now().to_string(),
        extensions: BTreeMap::new(),
        data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sent(data: &str, more: &Value) -> CloudEvent {
        let mut event = json!({
            "id": "1", "source": "/s", "type": "t", "subject": "a-1", "time": "2023-04-19T09:00:00Z",
        });
        let more = more.as_object().unwrap().clone();
        event.as_object_mut().unwrap().extend(more);
        let text = event
            .to_string()
            .replace("\"data\":0", &format!("\"data\":{data}"));
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_conflict_is_reported_with_its_data_whatever_that_is() {
        let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
        let told = report("/rewind/pump", &sent(&deep, &json!({"data": 0}))).unwrap();
        assert!(told.data.get().contains(&deep));
        let binary = json!({"datacontenttype": "image/png", "data_base64": "AAEC"});
        let told = report("/rewind/pump", &sent("", &binary)).unwrap();
        let told: Value = told.data().unwrap();
        assert_eq!(told["data_base64"], "AAEC");
        assert_eq!(told["datacontenttype"], "image/png");
        assert_eq!(told.get("data"), None);
        let plain = report("/rewind/pump", &sent("{\"n\":1}", &json!({"data": 0}))).unwrap();
        let told: Value = plain.data().unwrap();
        assert_eq!(
            (&told["data"], &told["id"]),
            (&json!({"n": 1}), &json!("1"))
        );
    }
}
