//! Reads a request's body, within a size and a time.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use super::Problem;
use super::wire::ConnectionState;

/// Why a body could not be read.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is larger than this many bytes.
    TooLarge(usize),
    /// It did not arrive within this time.
    TooSlow(Duration),
    /// It ends too early, or is malformed.
    Broken(String),
}

impl From<Unread> for Problem {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge(limit) => Self::body_too_large(limit),
            Unread::TooSlow(limit) => Self::too_slow("body", limit),
            Unread::Broken(reason) => Self::malformed(
                "body",
                format!("The body cannot be read to its end: {reason}."),
            ),
        }
    }
}

/// Reads a body of at most `limit` bytes.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Unread> {
    // A body whose declared size is over the limit is refused without reading it.
    if body.size_hint().lower() > limit as u64 {
        return Err(Unread::TooLarge(limit));
    }
    match Limited::new(body, limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Unread::TooLarge(limit)),
        Err(error) => Err(late(&*error).map_or_else(
            || Unread::Broken(innermost(&*error)),
            |Late(limit)| Unread::TooSlow(*limit),
        )),
    }
}

/// A body that fails when it has not arrived completely within a time.
pub(super) struct Timed {
    body: Incoming,
    limit: Duration,
    state: ConnectionState,
    deadline: Pin<Box<Sleep>>,
}

impl Timed {
    pub fn new(body: Incoming, limit: Duration, state: ConnectionState) -> Self {
        Self {
            body,
            limit,
            state,
            deadline: Box::pin(tokio::time::sleep(limit)),
        }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.state.leaves_body(!self.body.is_end_stream());
    }
}

impl HttpBody for Timed {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        self.deadline
            .as_mut()
            .poll(context)
            .map(|()| Some(Err(Late(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it did not arrive in time")]
struct Late(Duration);

/// The [`Late`] among an error's sources: hyper and axum wrap errors.
fn late<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a Late> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(late) = error.downcast_ref() {
            return Some(late);
        }
        next = error.source();
    }
    None
}

fn innermost(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
