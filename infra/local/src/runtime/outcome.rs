//! How an invocation ended.

use bytes::{Bytes, BytesMut};
use serde_json::json;
use tokio::sync::mpsc;

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

/// What stands between the head of a streamed answer and its body. Source: "Response streaming" in the Lambda developer
/// guide.
const DELIMITER: [u8; 8] = [0; 8];

/// What whoever invokes a function gets.
#[derive(Debug)]
pub(crate) enum Reply {
    /// How the invocation ended.
    Ended(Outcome),
    /// The function answers, and goes on with it.
    Streamed(Streamed),
}

impl From<Outcome> for Reply {
    fn from(outcome: Outcome) -> Self {
        Self::Ended(outcome)
    }
}

/// An answer under way.
#[derive(Debug)]
pub(crate) struct Streamed {
    /// Its status and its headers, as JSON.
    pub head: Bytes,
    /// The parts of its body, as they come.
    pub body: mpsc::Receiver<Bytes>,
}

impl Streamed {
    /// An answer with this head, and who sends its body.
    pub fn new(head: Bytes) -> (Self, mpsc::Sender<Bytes>) {
        let (sender, body) = mpsc::channel(1);
        (Self { head, body }, sender)
    }

    /// The whole of it, as Lambda answers who cannot take a stream.
    pub async fn collected(mut self) -> Bytes {
        let mut whole = BytesMut::from(&*self.head);
        whole.extend(DELIMITER);
        while let Some(part) = self.body.recv().await {
            whole.extend(part);
        }
        whole.freeze()
    }

    /// Where the head of an answer ends and its body begins, once both are there.
    pub fn head_of(answer: &[u8]) -> Option<(usize, usize)> {
        let end = answer.windows(8).position(|bytes| bytes == DELIMITER)?;
        Some((end, end + DELIMITER.len()))
    }
}
