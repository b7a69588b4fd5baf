//! The Lambda Runtime API, one base path for each process.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::MAXIMUM_PAYLOAD;
use super::outcome::{Failure, Outcome};
use super::pool::Pool;
use super::worker::{Assignment, Worker, Workers, locked};
use crate::http::{self, Problem, Server, Unread};

/// The routes, for people.
const ROUTES: [&str; 4] = [
    "GET /w/{worker}/2018-06-01/runtime/invocation/next",
    "POST /w/{worker}/2018-06-01/runtime/invocation/{request}/response",
    "POST /w/{worker}/2018-06-01/runtime/invocation/{request}/error",
    "POST /w/{worker}/2018-06-01/runtime/init/error",
];

/// Serves the Runtime API until everything stops.
pub(super) async fn serve(
    listener: TcpListener,
    server: Server,
    workers: Arc<Workers>,
    shutdown: watch::Receiver<bool>,
) {
    let app = Router::new()
        .route("/w/{worker}/2018-06-01/runtime/invocation/next", get(next))
        .route(
            "/w/{worker}/2018-06-01/runtime/invocation/{request}/response",
            post(respond),
        )
        .route(
            "/w/{worker}/2018-06-01/runtime/invocation/{request}/error",
            post(fail),
        )
        .route(
            "/w/{worker}/2018-06-01/runtime/init/error",
            post(fail_to_start),
        )
        .fallback(nothing)
        .method_not_allowed_fallback(nothing)
        .with_state(workers);
    server.serve(listener, app, shutdown).await;
}

async fn nothing(method: Method, uri: Uri) -> Response {
    Problem::no_route(&method, uri.path(), &ROUTES.map(str::to_owned)).into_response(uri.path())
}

async fn next(State(workers): State<Arc<Workers>>, Path(worker): Path<String>) -> Response {
    let Some((pool, worker)) = workers.named(&worker) else {
        return unknown();
    };
    match pool.next(&worker).await {
        Some(assignment) => hand_over(&pool, assignment),
        // The process is being killed. An answer without an invocation is no answer that its runtime knows: it would
        // panic on it before the kill arrives. The connection ends with the process.
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
    State(workers): State<Arc<Workers>>,
    Path((worker, request)): Path<(String, String)>,
    body: Body,
) -> Response {
    let Some((_, worker)) = workers.named(&worker) else {
        return unknown();
    };
    match http::read(body, MAXIMUM_PAYLOAD).await {
        Ok(answer) => ended(&worker, &request, Outcome::Success(answer)),
        // The process was killed while it answered.
        Err(Unread::Broken(_)) => StatusCode::BAD_REQUEST.into_response(),
        Err(Unread::TooLarge(_) | Unread::TooSlow(_)) => {
            worker.answer(
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

async fn fail(
    State(workers): State<Arc<Workers>>,
    Path((worker, request)): Path<(String, String)>,
    body: Body,
) -> Response {
    let Some((_, worker)) = workers.named(&worker) else {
        return unknown();
    };
    let failure = match http::read(body, MAXIMUM_PAYLOAD).await {
        Ok(payload) => Failure { payload },
        Err(Unread::Broken(_)) => return StatusCode::BAD_REQUEST.into_response(),
        Err(Unread::TooLarge(_) | Unread::TooSlow(_)) => Failure::answer_too_large(MAXIMUM_PAYLOAD),
    };
    ended(&worker, &request, Outcome::Failure(failure))
}

async fn fail_to_start(
    State(workers): State<Arc<Workers>>,
    Path(worker): Path<String>,
    body: Body,
) -> Response {
    let Some((_, worker)) = workers.named(&worker) else {
        return unknown();
    };
    let reason = http::read(body, MAXIMUM_PAYLOAD)
        .await
        .ok()
        .map(|body| String::from_utf8_lossy(&body).into_owned());
    *locked(&worker.init_error) = reason;
    accepted()
}

fn ended(worker: &Worker, request: &str, outcome: Outcome) -> Response {
    if worker.answer(request, outcome) {
        accepted()
    } else {
        // The invocation timed out, or never was.
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
