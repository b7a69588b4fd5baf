//! One invocation of a function: what is asked, who waits for the answer, and how large both may be.

use bytes::Bytes;
use tokio::sync::oneshot;

use super::outcome::Reply;
use crate::activity::Busy;

/// The largest payload of an invocation, and of its answer. Source: Lambda quotas, 6 MB.
pub(crate) const MAXIMUM_PAYLOAD: usize = 6 * 1024 * 1024;
/// The largest payload of an asynchronous invocation. Source: Lambda quotas, 1 MB.
pub(crate) const MAXIMUM_EVENT: usize = 1024 * 1024;

/// Who invokes. Neither waits for the processes that work for the other: Lambda would start more of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// A caller who waits for the answer: over HTTP, or by Invoke.
    Caller,
    /// A trigger, a schedule, or the queue of asynchronous invocations.
    Trigger,
}

/// An invocation that is not answered yet. A dropped one ends its caller's wait.
#[derive(Debug)]
pub(super) struct Invocation {
    pub request_id: String,
    pub payload: Bytes,
    pub by: By,
    reply: oneshot::Sender<Reply>,
    busy: Busy,
}

impl Invocation {
    /// A new invocation, and where the reply arrives.
    pub fn new(by: By, payload: Bytes, busy: Busy) -> (Self, oneshot::Receiver<Reply>) {
        let (reply, answer) = oneshot::channel();
        let invocation = Self {
            request_id: uuid::Uuid::now_v7().to_string(),
            payload,
            by,
            reply,
            busy,
        };
        (invocation, answer)
    }

    /// Answers the caller. A caller behind a gateway that timed out no longer waits.
    pub fn answer(self, with: impl Into<Reply>) {
        let Self { reply, busy, .. } = self;
        let _ = reply.send(with.into());
        // The caller has the reply before the system counts as idle.
        drop(busy);
    }
}

/// What the Runtime API tells a process about its invocation.
#[derive(Debug)]
pub(super) struct Assignment {
    pub request_id: String,
    pub payload: Bytes,
    pub deadline_ms: u64,
}
