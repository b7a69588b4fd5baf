//! The only way to the outside: an attempt that stands in the log.

use super::log::Stands;
use crate::outside::{Outside, Sending, Sent};
use rewind::{Call, Request};
use sha2::{Digest, Sha256};

/// A request whose `call-sent` is recorded. Nothing else can be sent.
#[derive(Debug)]
pub(super) struct Intent {
    request: Request,
    key: String,
    traceparent: String,
}

impl Intent {
    /// The request of a call whose turn it is, as its attempt stands in the log.
    pub fn new(call: &Call, request: Request, run: &str, _: Stands) -> Self {
        let event = &call.asked_by.event;
        let correlation = event.extension("correlationid").unwrap_or(&event.id);
        Self {
            key: call.key_of(call.answers.len()),
            traceparent: traceparent(correlation, run),
            request,
        }
    }

    /// Sends it, once.
    pub async fn send(self, outside: &Outside, gateway: &str) -> Sent {
        let sending = Sending {
            request: &self.request,
            key: &self.key,
            traceparent: &self.traceparent,
        };
        outside.send(gateway, &sending).await
    }
}

/// A `traceparent` (W3C Trace Context, version 00): one trace for all that
/// belongs together, one span for each attempt.
fn traceparent(correlation: &str, run: &str) -> String {
    let hex = |text: &str, bytes: usize| -> String {
        let hash = Sha256::digest(text.as_bytes());
        hash[..bytes]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    };
    format!("00-{}-{}-01", hex(correlation, 16), hex(run, 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_belongs_to_a_correlation_and_a_span_to_an_attempt() {
        let first = traceparent("order-7", "a");
        let second = traceparent("order-7", "b");
        assert_eq!(first.len(), 55);
        assert_eq!(first[..35], second[..35]);
        assert_ne!(first[36..52], second[36..52]);
    }
}
