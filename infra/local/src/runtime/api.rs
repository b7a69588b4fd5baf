//! The Lambda Runtime API, one base path for each process.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::MAXIMUM_PAYLOAD;
use super::outcome::{Failure, Outcome};
use super::pool::Pool;
use super::worker::{Assignment, Worker, Workers, locked};

/// Serves the Runtime API until everything stops.
pub(super) async fn serve(
    listener: TcpListener,
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
        .with_state(workers);
    tokio::select! {
        ended = axum::serve(listener, app) => {
            if let Err(error) = ended {
                tracing::error!(%error, "the Lambda Runtime API ended");
            }
        }
        () = crate::shutdown::stopped(shutdown) => {}
    }
}

async fn next(State(workers): State<Arc<Workers>>, Path(worker): Path<u64>) -> Response {
    let Some((pool, worker)) = workers.get(worker) else {
        return unknown();
    };
    match pool.next(&worker).await {
        Some(assignment) => hand_over(&pool, assignment),
        None => StatusCode::GONE.into_response(),
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
    Path((worker, request)): Path<(u64, String)>,
    body: Body,
) -> Response {
    let Some((_, worker)) = workers.get(worker) else {
        return unknown();
    };
    match limited(body).await {
        Some(answer) => ended(&worker, &request, Outcome::Success(answer)),
        None => {
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
    Path((worker, request)): Path<(u64, String)>,
    body: Body,
) -> Response {
    let Some((_, worker)) = workers.get(worker) else {
        return unknown();
    };
    let failure = match limited(body).await {
        Some(payload) => Failure { payload },
        None => Failure::answer_too_large(MAXIMUM_PAYLOAD),
    };
    ended(&worker, &request, Outcome::Failure(failure))
}

async fn fail_to_start(
    State(workers): State<Arc<Workers>>,
    Path(worker): Path<u64>,
    body: Body,
) -> Response {
    let Some((_, worker)) = workers.get(worker) else {
        return unknown();
    };
    let reason = limited(body)
        .await
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

async fn limited(body: Body) -> Option<Bytes> {
    Limited::new(body, MAXIMUM_PAYLOAD)
        .collect()
        .await
        .ok()
        .map(|body| body.to_bytes())
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
