//! Reads a bucket's notification of a function.

use super::TemplateError;
use super::properties::Properties;

/// A bucket that invokes a function when objects in it change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The function's logical id and the event's name: `PlaybackDeadLetter`.
    pub id: String,
    /// The function's logical id.
    pub function: String,
    /// The bucket's physical name.
    pub bucket: String,
    /// The types of events, such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
}

impl Notification {
    /// Whether it tells of an event of this name, such as `ObjectCreated:Put`, in a bucket.
    pub fn is_of(&self, bucket: &str, event: &str) -> bool {
        let is_named = |pattern: &String| {
            let pattern = pattern.strip_prefix("s3:").unwrap_or(pattern);
            match pattern.strip_suffix('*') {
                Some(prefix) => event.starts_with(prefix),
                None => event == pattern,
            }
        };
        self.bucket == bucket && self.events.iter().any(is_named)
    }
}

pub(super) fn read(
    function: &str,
    event: &str,
    properties: &Properties<'_, '_>,
) -> Result<Notification, TemplateError> {
    if !properties.raw("Filter").is_null() {
        return Err(properties.wrong(
            "Filter",
            "the local system cannot filter: filter in the function",
        ));
    }
    // As SAM does: it writes the notification into the bucket's own resource.
    if properties.raw("Bucket")["Ref"].is_null() {
        let reason = "a !Ref to a bucket of this template was expected";
        return Err(properties.wrong("Bucket", reason));
    }
    let events = properties.strings("Events")?;
    if events.is_empty() || events.iter().any(|event| !event.starts_with("s3:")) {
        let reason = "types of events such as s3:ObjectCreated:* were expected";
        return Err(properties.wrong("Events", reason));
    }
    Ok(Notification {
        id: format!("{function}{event}"),
        function: function.to_owned(),
        bucket: properties.required("Bucket")?,
        events,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_of_events_is_a_name_or_a_group_of_names() {
        let of = |events: &[&str]| Notification {
            id: "PlaybackDeadLetter".to_owned(),
            function: "Playback".to_owned(),
            bucket: "letters".to_owned(),
            events: events.iter().map(|event| (*event).to_owned()).collect(),
        };
        let created = "ObjectCreated:Put";
        assert!(of(&["s3:ObjectCreated:*"]).is_of("letters", created));
        assert!(of(&["s3:ObjectRemoved:*", "s3:ObjectCreated:Put"]).is_of("letters", created));
        assert!(!of(&["s3:ObjectCreated:*"]).is_of("others", created));
        assert!(!of(&["s3:ObjectCreated:Copy"]).is_of("letters", created));
        assert!(!of(&["s3:ObjectRemoved:*"]).is_of("letters", created));
    }
}
