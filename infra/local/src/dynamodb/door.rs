//! The DynamoDB endpoint, and the only way to the database: HTTP in, the engine called in process.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dynoxide::auth_material::{self, AuthMaterial};
use tokio::time::Instant;

use super::engine::{Engine, Refused};
use crate::http::{self, Problem, Unread};
use crate::permissions::caller;
use crate::state::disk::Disk;
use crate::template::REGION;

/// DynamoDB's limit on a request.
const MAXIMUM_BODY: usize = 16 * 1024 * 1024;
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// The prefixes of DynamoDB's operations, and of those of DynamoDB Streams.
const TARGETS: [&str; 2] = ["DynamoDB_20120810.", "DynamoDBStreams_20120810."];
/// How long a request waits for space on a full disk before it fails. It is less than the SDKs' timeout.
const WAIT_FOR_SPACE: std::time::Duration = std::time::Duration::from_secs(5);

#[derive(Clone)]
struct Door {
    engine: Arc<Engine>,
    disk: Disk,
}

/// The endpoint's application.
pub(super) fn app(engine: Engine, disk: Disk) -> Router {
    Router::new().fallback(answer).with_state(Door {
        engine: Arc::new(engine),
        disk,
    })
}

async fn answer(State(door): State<Door>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    match (&head.method, path) {
        (&Method::POST, "/") => {}
        // DynamoDB answers a health check with this text.
        (&Method::GET, "/") => {
            return format!("healthy: dynamodb.{REGION}.amazonaws.com ").into_response();
        }
        (method, "/") => {
            return Problem::method_not_allowed(method, &["POST".to_owned()]).into_response(path);
        }
        (method, _) => {
            return Problem::no_route(method, path, &["POST /".to_owned()]).into_response(path);
        }
    }
    let content_type = content_type(&head.headers);
    let body = match http::read(body, MAXIMUM_BODY).await {
        Ok(body) => body,
        Err(Unread::TooLarge(_)) => {
            let message = "the request is over 16 MB";
            return envelope(
                StatusCode::PAYLOAD_TOO_LARGE,
                content_type,
                "SerializationException",
                message,
            );
        }
        Err(unread) => return Problem::from(unread).into_response(path),
    };
    match run(&door, &head, body).await {
        Ok(body) => respond(StatusCode::OK, content_type, body),
        Err(Refused::Unknown) => envelope(
            StatusCode::BAD_REQUEST,
            content_type,
            "UnknownOperationException",
            "the x-amz-target header names no operation of DynamoDB",
        ),
        Err(Refused::Denied(denied)) => envelope(
            StatusCode::BAD_REQUEST,
            content_type,
            "AccessDeniedException",
            &denied.to_string(),
        ),
        Err(Refused::Unsigned(body)) => respond(StatusCode::BAD_REQUEST, content_type, body),
        Err(Refused::ByEngine(error)) => {
            let status = StatusCode::from_u16(error.status_code())
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            respond(status, content_type, error.to_json())
        }
        Err(Refused::Broken(reason)) => envelope(
            StatusCode::INTERNAL_SERVER_ERROR,
            content_type,
            "InternalServerError",
            &reason,
        ),
    }
}

async fn run(door: &Door, head: &Parts, body: Bytes) -> Result<String, Refused> {
    let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let target = text("x-amz-target").unwrap_or_default();
    let operation = TARGETS
        .into_iter()
        .find_map(|prefix| target.strip_prefix(prefix))
        .ok_or(Refused::Unknown)?;
    let signature = AuthMaterial {
        authorization: text(header::AUTHORIZATION.as_str()),
        query: head.uri.query().unwrap_or_default(),
        has_date_header: text("x-amz-date").or(text("date")).is_some(),
    };
    if let Some(body) = auth_material::validate(signature) {
        return Err(Refused::Unsigned(body));
    }
    let until = Instant::now() + WAIT_FOR_SPACE;
    loop {
        let engine = door.engine.clone();
        let (operation, body) = (operation.to_owned(), body.clone());
        let caller = caller(&head.headers).map(str::to_owned);
        // SQLite blocks its thread, and has one writer at a time. The endpoints must not wait for it.
        let ran =
            tokio::task::spawn_blocking(move || engine.run(caller.as_deref(), &operation, &body));
        let ran = ran
            .await
            .unwrap_or_else(|panicked| Err(Refused::Broken(panicked.to_string())));
        let is_suspect = match &ran {
            Ok(answer) => Engine::tells_of_full_disk(answer),
            Err(refused) => refused.is_internal(),
        };
        if !(is_suspect && door.disk.suspect()) {
            return ran;
        }
        let has_room = tokio::time::timeout_at(until, door.disk.room())
            .await
            .is_ok();
        // A request that failed as a whole is rolled back and runs again. Of a batch, a part may have succeeded: its
        // caller repeats the rest, now that there is space.
        if ran.is_ok() || !has_room {
            return ran;
        }
    }
}

/// The media type of the answer: that of the request, as DynamoDB does it.
fn content_type(headers: &HeaderMap) -> &'static str {
    match http::media_type(headers).as_str() {
        "application/json" => "application/json",
        _ => CONTENT_TYPE,
    }
}

fn envelope(
    status: StatusCode,
    content_type: &'static str,
    error_type: &str,
    message: &str,
) -> Response {
    let body = serde_json::json!({
        "__type": format!("com.amazon.coral.service#{error_type}"),
        "Message": message,
        "message": message,
    });
    respond(status, content_type, body.to_string())
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let request_id = uuid::Uuid::now_v7().simple().to_string().to_uppercase();
    let headers = [
        (header::CONTENT_TYPE.as_str(), content_type),
        ("x-amzn-requestid", &request_id),
    ];
    (status, headers, body).into_response()
}
