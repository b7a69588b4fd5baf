//! S3: invokes functions when objects are made in a bucket.
//!
//! The room knows S3's event document and the queue of asynchronous invocations. It does not know what an object holds,
//! nor who makes it. The dead letters are the only objects of a local system.

use std::io;
use std::sync::Arc;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::clock;
use crate::gateway::Queue;
use crate::template::{Notification, REGION};
use crate::triggers::Object;

/// The event of an object that is written in one request. Lambda writes dead letters so.
const CREATED: &str = "ObjectCreated:Put";

/// What S3 encodes in a key. It writes a space as `+`, as a form does.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'*')
    .remove(b'/')
    .remove(b' ');

/// The notifications of a template, and the queue that their events go to.
#[derive(Debug)]
pub(crate) struct Notifications {
    pub all: Vec<Notification>,
    pub queue: Arc<Queue>,
}

impl Notifications {
    /// Tells the functions that want to know of a new object. Each event is on disk when this returns.
    ///
    /// # Errors
    ///
    /// When an event cannot be kept: some functions may have been told.
    pub fn created(&self, object: &Object) -> io::Result<()> {
        let wanted = self.all.iter();
        for notification in wanted.filter(|one| one.is_of(&object.bucket, CREATED)) {
            let payload = event(notification, object).to_string().into();
            self.queue.put(&notification.function, payload)?;
        }
        Ok(())
    }
}

/// The document that S3 sends, in its version 2.1.
fn event(notification: &Notification, object: &Object) -> Value {
    let id = uuid::Uuid::now_v7();
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": clock::rfc3339(object.time_ms),
        "eventName": CREATED,
        "userIdentity": { "principalId": "AWS:local" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": { "x-amz-request-id": id.simple().to_string(), "x-amz-id-2": "local" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": notification.id,
            "bucket": {
                "name": object.bucket,
                "ownerIdentity": { "principalId": "local" },
                "arn": format!("arn:aws:s3:::{}", object.bucket),
            },
            "object": {
                "key": encoded(&object.key),
                "size": object.bytes,
                "sequencer": format!("{:016X}", object.time_ms),
            },
        },
    }]})
}

fn encoded(key: &str) -> String {
    utf8_percent_encode(key, ENCODED)
        .to_string()
        .replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_encoded_as_a_form() {
        assert_eq!(
            encoded("rewind-write/2026-11-28T20.00.00.000Z-shardId-000.json"),
            "rewind-write/2026-11-28T20.00.00.000Z-shardId-000.json"
        );
        assert_eq!(encoded("a b+c:ü"), "a+b%2Bc%3A%C3%BC");
    }
}
