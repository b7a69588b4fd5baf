//! How an invocation ended.

use bytes::Bytes;
use serde_json::json;

/// How an invocation ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The function answered.
    Success(Bytes),
    /// The function failed, or its process did.
    Failure(Failure),
}

/// A function error: the payload of an answer with `X-Amz-Function-Error: Unhandled`.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// A JSON object with `errorType` and `errorMessage`.
    pub payload: Bytes,
}

impl Failure {
    pub fn new(error_type: &str, message: &str) -> Self {
        Self {
            payload: json!({ "errorType": error_type, "errorMessage": message })
                .to_string()
                .into(),
        }
    }

    /// The process ended before it answered.
    pub fn exited(request_id: &str, reason: &str) -> Self {
        Self::new(
            "Runtime.ExitError",
            &format!("RequestId: {request_id} Error: Runtime exited: {reason}"),
        )
    }

    /// The function took longer than its Timeout.
    pub fn timed_out(request_id: &str, seconds: u32) -> Self {
        Self::new(
            "Sandbox.Timedout",
            &format!("RequestId: {request_id} Error: Task timed out after {seconds}.00 seconds"),
        )
    }

    /// The function's answer is larger than Lambda allows.
    pub fn answer_too_large(limit: usize) -> Self {
        Self::new(
            "Function.ResponseSizeTooLarge",
            &format!(
                "Response payload size exceeded maximum allowed payload size ({limit} bytes)."
            ),
        )
    }

    /// The error's text, for a log.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.payload).into_owned()
    }
}
