//! How an invocation ended.

use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use tokio::sync::mpsc;

use crate::lock::locked;
use serde_json::json;

/// How an invocation ended.
#[derive(Debug, Clone)]
pub(crate) enum Outcome {
    /// The function answered.
    Success(Bytes),
    /// The function answers, and goes on with it.
    Streamed(Streamed),
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

/// An answer under way.
#[derive(Debug, Clone)]
pub(crate) struct Streamed {
    /// Its status and its headers, as JSON.
    pub head: Bytes,
    // Whoever takes it first has it.
    body: Arc<Mutex<Option<mpsc::Receiver<Bytes>>>>,
}

impl Streamed {
    /// An answer with this head, and who sends its body.
    pub fn new(head: Bytes) -> (Self, mpsc::Sender<Bytes>) {
        let (sender, receiver) = mpsc::channel(1);
        let body = Arc::new(Mutex::new(Some(receiver)));
        (Self { head, body }, sender)
    }

    /// The parts of its body, as they come.
    pub fn body(&self) -> mpsc::Receiver<Bytes> {
        let body = locked(&self.body).take();
        body.unwrap_or_else(|| mpsc::channel(1).1)
    }

    /// The whole of it, as Lambda answers who cannot take a stream.
    pub async fn collected(&self) -> Bytes {
        let mut whole = BytesMut::from(&*self.head);
        whole.extend(DELIMITER);
        let mut body = self.body();
        while let Some(part) = body.recv().await {
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
