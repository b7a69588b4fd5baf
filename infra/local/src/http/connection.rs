//! Serves one connection, from its first byte to its end.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::response::Response;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::body::Timed;
use super::wire::{ConnectionState, Phase, Wire, automatic};
use super::{Callers, Problem};
use crate::shutdown::stopped;

/// How long a connection may stay open without a request, or without taking a byte of its answer. It is longer than
/// clients keep an idle connection, so the client closes it first.
const SILENCE: Duration = Duration::from_secs(180);
/// The largest head of a request, in bytes. It is more than hyper's longest target, so an error can tell a long target
/// from a large head.
const MAXIMUM_HEAD: usize = 128 * 1024;
/// hyper's limits: the longest target, and the most headers.
const MAXIMUM_TARGET: usize = 65_534;
const MAXIMUM_HEADERS: usize = 100;
/// How much a client may still send after its last answer, and for how long. Closing a connection with unread bytes
/// resets it, and the client may never see the answer.
const LINGER_BYTES: u64 = 64 * 1024 * 1024;
const LINGER: Duration = Duration::from_secs(2);

/// How a connection ended.
enum Ended {
    ByItself(Option<hyper::Error>),
    Overdue(Phase),
}

/// What all connections of an endpoint share.
#[derive(Clone)]
pub(super) struct Endpoint {
    pub app: Router,
    pub callers: Callers,
    pub port: u16,
    /// How long a request's head may take, and its body after it.
    pub patience: Duration,
}

impl Endpoint {
    /// Serves one connection until it ends. After `shutdown` it ends with the current answer.
    pub async fn serve(self, stream: TcpStream, shutdown: watch::Receiver<bool>) {
        let patience = self.patience;
        let state = ConnectionState::new();
        let wire = TokioIo::new(Wire::new(stream, state.clone()));
        let of_service = state.clone();
        let service = service_fn(move |request| {
            let (endpoint, state) = (self.clone(), of_service.clone());
            async move {
                state.begin();
                let response = endpoint.answer(request, &state).await;
                state.answered();
                Ok::<_, Infallible>(response)
            }
        });
        let mut connection = http1::Builder::new()
            // `overdue` below tells an idle connection from a slow one, and the slow one gets an answer.
            .header_read_timeout(None)
            .max_header_size(MAXIMUM_HEAD)
            .serve_connection(wire, service);
        let mut is_ending = false;
        let ended = loop {
            tokio::select! {
                ended = &mut connection => break Ended::ByItself(ended.err()),
                phase = overdue(&state, patience) => break Ended::Overdue(phase),
                () = stopped(shutdown.clone()), if !is_ending => {
                    is_ending = true;
                    std::pin::Pin::new(&mut connection).graceful_shutdown();
                }
            }
        };
        let (stream, held) = connection.into_parts().io.into_inner().into_parts();
        let problem = match ended {
            Ended::ByItself(error) => error.and_then(|error| refusal(&error, &held)),
            Ended::Overdue(Phase::Head) => Some(Problem::too_slow("head", patience)),
            Ended::Overdue(_) => None,
        };
        match problem {
            Some(problem) => end_with(stream, &problem.on_the_wire(), patience).await,
            None if !held.is_empty() => end_with(stream, &held, patience).await,
            None if state.has_unread_body() => linger(stream).await,
            None => {}
        }
    }

    async fn answer(&self, request: Request<Incoming>, state: &ConnectionState) -> Response {
        let (head, body) = request.into_parts();
        if let Err(problem) = self.callers.check(&head, self.port) {
            state.leaves_body(!body.is_end_stream());
            return problem.into_response(head.uri.path());
        }
        let body = Body::new(Timed::new(body, self.patience, state.clone()));
        let answered = TowerToHyperService::new(self.app.clone())
            .call(Request::from_parts(head, body))
            .await;
        match answered {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Resolves when the connection has waited too long for its client.
async fn overdue(state: &ConnectionState, patience: Duration) -> Phase {
    loop {
        let (phase, since) = state.now();
        let is_overdue = match phase {
            Phase::Between => since.elapsed() >= SILENCE,
            Phase::Head => since.elapsed() >= patience,
            // The service has limits of its own.
            Phase::Service => false,
        };
        if is_overdue {
            return phase;
        }
        tokio::time::sleep(patience / 4).await;
    }
}

/// The problem that replaces a refusal of hyper.
fn refusal(error: &hyper::Error, held: &[u8]) -> Option<Problem> {
    let reason = error.to_string();
    if error.is_parse_version_h2() || reason.contains("HTTP version") {
        return Some(
            Problem::new(
                StatusCode::HTTP_VERSION_NOT_SUPPORTED,
                "Version not supported",
                "HTTP/1.1 or HTTP/1.0 was expected.",
            )
            .of_field("version"),
        );
    }
    let status = automatic(held)?;
    Some(match status {
        StatusCode::URI_TOO_LONG => Problem::new(
            status,
            "Target too long",
            format!("The request's target is longer than {MAXIMUM_TARGET} bytes."),
        )
        .of_field("target"),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Problem::new(
            status,
            "Head too large",
            format!(
                "The request's head is larger than {MAXIMUM_HEAD} bytes, or has more than {MAXIMUM_HEADERS} headers."
            ),
        )
        .of_field("headers"),
        _ if reason.contains("transfer-encoding") => Problem::malformed(
            "transfer-encoding",
            "The only supported transfer encoding is `chunked`, in HTTP/1.1 and without a content length.",
        ),
        _ if reason.contains("content-length") => Problem::malformed(
            "content-length",
            "Exactly one content length was expected: a number of bytes.",
        ),
        _ if reason.contains("method") => {
            Problem::malformed("method", "The request does not begin with an HTTP method.")
        }
        _ if reason.contains("URI") => Problem::malformed(
            "target",
            "The request's target is not a path, such as `/health`.",
        ),
        _ => Problem::malformed(
            "headers",
            "A header is not of the form `name: value`, or holds characters that HTTP does not allow.",
        ),
    })
}

/// Writes the last answer of a connection, and closes it so that the client sees the answer.
async fn end_with(mut stream: TcpStream, answer: &[u8], patience: Duration) {
    let written = tokio::time::timeout(patience, async {
        stream.write_all(answer).await?;
        stream.shutdown().await
    });
    // A client that has gone reads no answer.
    if let Ok(Ok(())) = written.await {
        linger(stream).await;
    }
}

/// Reads and drops what a client still sends after its answer.
async fn linger(stream: TcpStream) {
    let mut rest = stream.take(LINGER_BYTES);
    let mut nothing = vec![0; 64 * 1024];
    let drained =
        async { while matches!(rest.read(&mut nothing).await, Ok(count) if count > 0) {} };
    let _ = tokio::time::timeout(LINGER, drained).await;
}
