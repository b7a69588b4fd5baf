//! The Lambda Runtime API, with one base path for each process.
//!
//! It knows HTTP and the pools. Who gets which invocation is theirs to say.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::BytesMut;
use futures::StreamExt;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::invocation::{Assignment, MAXIMUM_PAYLOAD};
use super::outcome::{Failure, Outcome, Reply, Streamed};
use super::pool::Pool;
use super::process::Process;
use crate::http::{self, Problem, Server, Unread};
use crate::lock::locked;

/// The pools of all functions, by the functions' logical ids.
pub(super) type Pools = HashMap<String, Arc<Pool>>;

/// A process, as its base path names it: its function's logical id and its number.
type Named = (String, u64);

/// The routes, for people.
const ROUTES: [&str; 4] = [
    "GET /{function}/{process}/2018-06-01/runtime/invocation/next",
    "POST /{function}/{process}/2018-06-01/runtime/invocation/{request}/response",
    "POST /{function}/{process}/2018-06-01/runtime/invocation/{request}/error",
    "POST /{function}/{process}/2018-06-01/runtime/init/error",
];

/// The header by which a function says that it streams its answer.
const RESPONSE_MODE: &str = "lambda-runtime-function-response-mode";

/// Serves the Runtime API until everything stops.
pub(super) async fn serve(
    listener: TcpListener,
    server: Server,
    pools: Arc<Pools>,
    shutdown: watch::Receiver<bool>,
) {
    let app = Router::new()
        .route(
            "/{function}/{process}/2018-06-01/runtime/invocation/next",
            get(next),
        )
        .route(
            "/{function}/{process}/2018-06-01/runtime/invocation/{request}/response",
            post(respond),
        )
        .route(
            "/{function}/{process}/2018-06-01/runtime/invocation/{request}/error",
            post(fail),
        )
        .route(
            "/{function}/{process}/2018-06-01/runtime/init/error",
            post(fail_to_start),
        )
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(pools);
    server.serve(listener, app, shutdown).await;
}

/// The URL of a function's processes, behind which each process has its number.
pub(super) fn url_of(url: &str, function: &str) -> String {
    format!("{url}/{function}")
}

async fn nothing(method: Method, uri: Uri) -> Response {
    Problem::no_route(&method, uri.path(), &ROUTES.map(str::to_owned)).into_response(uri.path())
}

async fn next(State(pools): State<Arc<Pools>>, Path(named): Path<Named>) -> Response {
    let Some((pool, process)) = find(&pools, named) else {
        return unknown();
    };
    match pool.next(&process).await {
        Some(assignment) => hand_over(&pool, assignment),
        // The process is being killed. Its runtime would panic on an answer without an invocation before the kill
        // arrives. So there is no answer, and the connection ends with the process.
        None => std::future::pending().await,
    }
}

fn hand_over(pool: &Pool, assignment: Assignment) -> Response {
    let Assignment {
        request_id,
        payload,
        deadline_ms,
    } = assignment;
    let trace = uuid::Uuid::now_v7().simple().to_string();
    let mut response = Response::new(Body::from(payload));
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", request_id),
        ("lambda-runtime-deadline-ms", deadline_ms.to_string()),
        (
            "lambda-runtime-invoked-function-arn",
            pool.function().arn.clone(),
        ),
        (
            "lambda-runtime-trace-id",
            format!("Root=1-{}-{};Sampled=0", &trace[..8], &trace[8..]),
        ),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::try_from(value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

async fn respond(
    State(pools): State<Arc<Pools>>,
    Path((function, process, request)): Path<(String, u64, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some((_, process)) = find(&pools, (function, process)) else {
        return unknown();
    };
    if headers
        .get(RESPONSE_MODE)
        .is_some_and(|mode| mode == "streaming")
    {
        return stream(&process, &request, body).await;
    }
    match http::read(body, MAXIMUM_PAYLOAD).await {
        Ok(answer) => ended(&process, &request, Outcome::Success(answer)),
        // The process was killed while it answered.
        Err(Unread::Broken(_)) => StatusCode::BAD_REQUEST.into_response(),
        Err(Unread::TooLarge(_) | Unread::TooSlow(_)) => {
            process.answer(
                &request,
                Outcome::Failure(Failure::answer_too_large(MAXIMUM_PAYLOAD)),
            );
            let error = Failure::new(
                "RequestEntityTooLarge",
                "Exceeded maximum allowed payload size",
            );
            (StatusCode::PAYLOAD_TOO_LARGE, error.payload).into_response()
        }
    }
}

/// Hands an answer on while it comes. It ends when the function ends it, or when nobody takes it any more.
async fn stream(process: &Process, request: &str, body: Body) -> Response {
    let mut body = body.into_data_stream();
    let mut begun = BytesMut::new();
    let (end, rest) = loop {
        if let Some(found) = Streamed::head_of(&begun) {
            break found;
        }
        match body.next().await {
            Some(Ok(part)) if begun.len() + part.len() <= MAXIMUM_PAYLOAD => begun.extend(part),
            // The process was killed, or says nothing that can be passed on.
            _ => return StatusCode::BAD_REQUEST.into_response(),
        }
    };
    let mut begun = begun.freeze();
    let (head, first) = (begun.split_to(end), begun.split_off(rest - end));
    let (streamed, parts) = Streamed::new(head);
    if !process.answer(request, Reply::Streamed(streamed)) {
        return unknown();
    }
    let mut is_taken = first.is_empty() || parts.send(first).await.is_ok();
    while is_taken {
        match body.next().await {
            Some(Ok(part)) => is_taken = parts.send(part).await.is_ok(),
            Some(Err(_)) | None => break,
        }
    }
    accepted()
}

async fn fail(
    State(pools): State<Arc<Pools>>,
    Path((function, process, request)): Path<(String, u64, String)>,
    body: Body,
) -> Response {
    let Some((_, process)) = find(&pools, (function, process)) else {
        return unknown();
    };
    let failure = match http::read(body, MAXIMUM_PAYLOAD).await {
        Ok(payload) => Failure { payload },
        Err(Unread::Broken(_)) => return StatusCode::BAD_REQUEST.into_response(),
        Err(Unread::TooLarge(_) | Unread::TooSlow(_)) => Failure::answer_too_large(MAXIMUM_PAYLOAD),
    };
    ended(&process, &request, Outcome::Failure(failure))
}

async fn fail_to_start(
    State(pools): State<Arc<Pools>>,
    Path(named): Path<Named>,
    body: Body,
) -> Response {
    let Some((_, process)) = find(&pools, named) else {
        return unknown();
    };
    let reason = http::read(body, MAXIMUM_PAYLOAD)
        .await
        .ok()
        .map(|body| String::from_utf8_lossy(&body).into_owned());
    *locked(&process.init_error) = reason;
    accepted()
}

fn find(pools: &Pools, (function, process): Named) -> Option<(Arc<Pool>, Arc<Process>)> {
    let pool = pools.get(&function)?;
    Some((pool.clone(), pool.process(process)?))
}

fn ended(process: &Process, request: &str, outcome: Outcome) -> Response {
    if process.answer(request, outcome) {
        accepted()
    } else {
        // The invocation timed out, or there was none with this id.
        let error = Failure::new("InvalidRequestID", "Invalid request ID");
        (StatusCode::BAD_REQUEST, error.payload).into_response()
    }
}

fn accepted() -> Response {
    (StatusCode::ACCEPTED, r#"{"status":"OK"}"#).into_response()
}

fn unknown() -> Response {
    (
        StatusCode::FORBIDDEN,
        r#"{"errorType":"InvalidWorker","errorMessage":"there is no such process"}"#,
    )
        .into_response()
}
