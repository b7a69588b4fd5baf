//! The bytes of one connection. It tracks what the connection waits for, and holds hyper's own refusals back.
//!
//! hyper answers a request that it cannot parse by itself: 400, 414 or 431, with an empty body. The service never sees
//! such a request. So this code looks at what hyper writes while no answer of the service is due, and holds such a
//! refusal back. When hyper has returned its error, [`super::connection`] sends a problem instead.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, ready};

use axum::http::StatusCode;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::lock::locked;

/// The statuses of hyper's own refusals.
const AUTOMATIC: [StatusCode; 3] = [
    StatusCode::BAD_REQUEST,
    StatusCode::URI_TOO_LONG,
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
];

/// What a connection waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The first byte of a request. An answer may still be on its way.
    Between,
    /// The rest of a request's head.
    Head,
    /// The answer of the service.
    Service,
}

/// The state of a connection, shared by its bytes, its service and its time limits.
#[derive(Debug, Clone)]
pub(super) struct ConnectionState(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    phase: Phase,
    since: Instant,
    /// How many answers of the service have no byte written yet.
    due: usize,
    /// Whether the body of the last request was not read to its end.
    has_unread_body: bool,
}

impl ConnectionState {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Inner {
            phase: Phase::Between,
            since: Instant::now(),
            due: 0,
            has_unread_body: false,
        })))
    }

    /// What the connection waits for, and since when.
    pub fn now(&self) -> (Phase, Instant) {
        let inner = self.locked();
        (inner.phase, inner.since)
    }

    /// The service begins with a request.
    pub fn begin(&self) {
        let mut inner = self.locked();
        inner.phase = Phase::Service;
        inner.since = Instant::now();
    }

    /// The service has answered.
    pub fn answered(&self) {
        let mut inner = self.locked();
        inner.phase = Phase::Between;
        inner.since = Instant::now();
        inner.due += 1;
    }

    /// Whether the client may still send the body of a request that is already answered.
    pub fn has_unread_body(&self) -> bool {
        self.locked().has_unread_body
    }

    /// Records whether a body was left unread.
    pub fn leaves_body(&self, is_unread: bool) {
        self.locked().has_unread_body = is_unread;
    }

    fn has_read(&self) {
        let mut inner = self.locked();
        if inner.phase == Phase::Between {
            inner.phase = Phase::Head;
            inner.since = Instant::now();
        }
    }

    fn has_written(&self) {
        let mut inner = self.locked();
        if inner.phase == Phase::Between {
            inner.since = Instant::now();
        }
    }

    /// Whether an answer that begins now is the service's.
    fn is_due(&self) -> bool {
        let mut inner = self.locked();
        let is_due = inner.due > 0;
        inner.due = inner.due.saturating_sub(1);
        is_due
    }

    fn locked(&self) -> MutexGuard<'_, Inner> {
        locked(&self.0)
    }
}

/// The bytes of one connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: TcpStream,
    state: ConnectionState,
    held: Vec<u8>,
}

impl Wire {
    pub fn new(stream: TcpStream, state: ConnectionState) -> Self {
        Self {
            stream,
            state,
            held: Vec::new(),
        }
    }

    /// The connection, and the refusal that is held back.
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.stream, self.held)
    }

    /// Writes the refusal that is held back.
    fn release(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.held.is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(context, &self.held))?;
            self.held.drain(..count);
        }
        Poll::Ready(Ok(()))
    }

    /// Holds back what hyper is about to write, if it is a refusal of its own. Such a refusal has no body, so the bytes
    /// are all of it.
    fn holds_back(&mut self, first: &[u8], is_whole: bool) -> bool {
        let begins = first.starts_with(b"HTTP/1.");
        if begins && !self.state.is_due() && is_whole && automatic(first).is_some() {
            self.held.extend_from_slice(first);
            return true;
        }
        false
    }
}

/// The status of an answer without a body that hyper gives by itself.
pub(super) fn automatic(bytes: &[u8]) -> Option<StatusCode> {
    let status = StatusCode::from_bytes(bytes.get(9..12)?).ok()?;
    let head = std::str::from_utf8(bytes).ok()?.strip_suffix("\r\n\r\n")?;
    let is_empty = head.split("\r\n").any(|line| line == "content-length: 0");
    (AUTOMATIC.contains(&status) && is_empty && !head.contains("\r\n\r\n")).then_some(status)
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.state.has_read();
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.release(context))?;
        if self.holds_back(bytes, true) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.state.has_written();
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.release(context))?;
        if let Some(first) = parts.first()
            && self.holds_back(first, parts.len() == 1)
        {
            return Poll::Ready(Ok(first.len()));
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.state.has_written();
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The problem that replaces the refusal is written first.
        if !self.held.is_empty() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
