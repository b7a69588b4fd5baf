//! Checks each request's permissions, then hands it to the database's own server.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::net::TcpListener;

use crate::permissions::{Guard, caller, dynamodb_uses};

/// DynamoDB's own limit on a request.
const MAXIMUM_BODY: usize = 16 * 1024 * 1024;

#[derive(Clone)]
struct Front {
    database: Client<HttpConnector, Body>,
    url: Arc<str>,
    guard: Arc<Guard>,
}

pub(super) async fn serve(
    listener: TcpListener,
    url: String,
    guard: Arc<Guard>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let database = Client::builder(TokioExecutor::new()).build(connector);
    let app = Router::new().fallback(forward).with_state(Front {
        database,
        url: url.into(),
        guard,
    });
    if let Err(error) = axum::serve(listener, app)
        .with_graceful_shutdown(shutdown)
        .await
    {
        tracing::error!(%error, "the DynamoDB endpoint ended");
    }
}

async fn forward(State(front): State<Front>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let body = match Limited::new(body, MAXIMUM_BODY).collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => {
            return error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "SerializationException",
                "the request is over 16 MB",
            );
        }
    };
    let target = parts
        .headers
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok())
        .unwrap_or_default();
    if let Some(operation) = target.strip_prefix("DynamoDB_20120810.") {
        let uses = dynamodb_uses(operation, &body);
        if let Err(denied) = front.guard.check(caller(&parts.headers), &uses) {
            return error(
                StatusCode::BAD_REQUEST,
                "AccessDeniedException",
                &denied.to_string(),
            );
        }
    }
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    match format!("{}{path}", front.url).parse::<Uri>() {
        Ok(uri) => parts.uri = uri,
        Err(reason) => {
            return error(
                StatusCode::BAD_REQUEST,
                "ValidationException",
                &reason.to_string(),
            );
        }
    }
    parts.headers.remove(header::HOST);
    match front
        .database
        .request(Request::from_parts(parts, Body::from(body)))
        .await
    {
        Ok(response) => response.map(Body::new),
        Err(reason) => error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerError",
            &reason.to_string(),
        ),
    }
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "__type": format!("com.amazon.coral.service#{kind}"), "Message": message, "message": message });
    (
        status,
        [(header::CONTENT_TYPE, "application/x-amz-json-1.0")],
        body.to_string(),
    )
        .into_response()
}
