//! Spans of time, and times as RFC 3339 has them.

use crate::cloudevents::{self, moment};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{Error, Unexpected},
};

/// A span of time: from `from` on, before `to`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Times {
    /// Its begin, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    pub from: Option<Timestamp>,
    /// Its end, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "time")]
    pub to: Option<Timestamp>,
}

impl Times {
    /// Whether a time, in microseconds since 1970, lies in it.
    pub(super) fn hold(&self, micros_since: u64) -> bool {
        self.from.is_none_or(|from| micros_since >= micros(from))
            && self.to.is_none_or(|to| micros_since < micros(to))
    }
}

/// Microseconds since 1970, as positions are; 0 before.
pub fn micros(time: Timestamp) -> u64 {
    u64::try_from(time.as_microsecond()).unwrap_or_default()
}

/// A time of RFC 3339, as the door takes it. The last hours of the year 9999,
/// which a [`Timestamp`] does not reach, are its last moment.
pub fn rfc3339(text: &str) -> Option<Timestamp> {
    cloudevents::rfc3339(text).ok()?;
    moment(text)
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let expected = &"RFC 3339, such as 2023-04-19T09:00:00Z";
    let wrong = || D::Error::invalid_value(Unexpected::Str(&text), expected);
    rfc3339(&text).ok_or_else(wrong).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3339_is_taken_as_it_is() {
        for (text, same) in [
            ("2023-04-19T09:00:00Z", "2023-04-19T09:00:00Z"),
            ("2023-04-19t09:00:00.5z", "2023-04-19T09:00:00.5Z"),
            ("2023-04-19T09:00:00+02:00", "2023-04-19T07:00:00Z"),
            ("2023-04-19T09:00:00-00:30", "2023-04-19T09:30:00Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(text), same.parse().ok(), "{text}");
        }
        let end = rfc3339("9999-12-31T23:59:59.999999999Z");
        assert_eq!(end, Some(Timestamp::MAX));
    }

    #[test]
    fn nothing_looser_is() {
        for text in [
            "",
            "today",
            "2023-04-19",
            "2023-04-19T09:00Z",
            "2023-04-19T09:00:00",
            "2023-04-19 09:00:00Z",
            "2023-04-19T09:00:00,5Z",
            "2023-04-19T09:00:00.Z",
            "2023-04-19T09:00:00+02",
            "2023-04-19T09:00:00+0200",
            "2023-04-19T09:00:00+02:00[Europe/Berlin]",
            "2023-04-19T09:00:00Z ",
            "+002023-04-19T09:00:00Z",
            "2023-02-30T09:00:00Z",
            "2023-04-19T25:00:00Z",
            "9999-12-39T00:00:00Z",
            "２023-04-19T09:00:00Z",
        ] {
            assert_eq!(rfc3339(text), None, "{text}");
        }
        assert!(serde_json::from_str::<Times>("{\"from\":\"today\"}").is_err());
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let times = Times {
            from: rfc3339("2023-04-19T09:00:00.123456789Z"),
            to: None,
        };
        let stored = serde_json::to_string(&times).unwrap();
        assert_eq!(serde_json::from_str::<Times>(&stored).unwrap(), times);
    }
}
