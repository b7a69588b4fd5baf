//! What S3 tells of objects that were made in a bucket.

use crate::Error;
use aws_lambda_events::s3::S3Event;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// An object that was made in a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its size, where S3 has said so.
    pub bytes: Option<u64>,
    /// When it was made.
    pub time: Timestamp,
}

/// The objects that S3's event tells of.
///
/// # Errors
///
/// When it is no event of S3.
pub fn objects(payload: Value) -> Result<Vec<Object>, Error> {
    let event: S3Event =
        serde_json::from_value(payload).map_err(|error| Error::damaged("an event of S3", error))?;
    let objects = event.records.into_iter().map(|record| {
        let Some(key) = record.s3.object.key else {
            return Err(Error::damaged("an event of S3", "an object has no key"));
        };
        let millis = record.event_time.timestamp_millis();
        Ok(Object {
            key: decoded(&key),
            bytes: record.s3.object.size.and_then(|size| size.try_into().ok()),
            time: Timestamp::from_millisecond(millis).unwrap_or_default(),
        })
    });
    objects.collect()
}

/// A key as the bucket has it: S3 encodes it as a form does, with `+` for a
/// space.
fn decoded(key: &str) -> String {
    let spaced = key.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded_as_a_form() {
        let sample = include_str!("../../../../events/playback-dead-letter.json");
        let mut payload: Value = serde_json::from_str(sample).unwrap();
        let object = &objects(payload.clone()).unwrap()[0];
        assert_eq!(object.bytes, Some(1_024));
        assert_eq!(object.time.to_string(), "2023-04-19T09:00:00Z");
        payload["Records"][0]["s3"]["object"]["key"] = "a+b%2Bc/%C3%BC".into();
        assert_eq!(objects(payload.clone()).unwrap()[0].key, "a b+c/ü");
        payload["Records"][0]["s3"]["object"]["key"] = Value::Null;
        assert!(objects(payload).is_err());
    }
}
