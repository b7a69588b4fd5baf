//! Errors of the gateway itself, as problem details (RFC 9457).

use axum::body::Body;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::{MAXIMUM_BODY, MAXIMUM_PAYLOAD, TIMEOUT};
use crate::runtime::Failure;

/// An error of the gateway.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    allow: Option<String>,
}

impl Problem {
    pub fn new(status: StatusCode, title: &'static str, detail: String) -> Self {
        Self {
            status,
            title,
            detail,
            allow: None,
        }
    }

    pub fn no_route(method: &Method, path: &str, routes: &[String]) -> Self {
        let detail = format!(
            "No route fits {method} {path}. There are: {}.",
            routes.join(", ")
        );
        Self::new(StatusCode::NOT_FOUND, "No such route", detail)
    }

    pub fn method_not_allowed(method: &Method, allowed: &[String]) -> Self {
        let allow = allowed.join(", ");
        let detail = format!("This path does not take {method}. It takes: {allow}.");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", detail)
        }
    }

    pub fn body_too_large() -> Self {
        let detail = format!(
            "The body is larger than {MAXIMUM_BODY} bytes, the most that API Gateway takes."
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", detail)
    }

    pub fn payload_too_large(bytes: usize) -> Self {
        let detail = format!(
            "The request is {bytes} bytes once encoded for the function, and Lambda takes {MAXIMUM_PAYLOAD}."
        );
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", detail)
    }

    pub fn function_error(failure: &Failure) -> Self {
        let detail = format!("The function failed: {}", failure.text());
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Function error", detail)
    }

    pub fn bad_answer(reason: String) -> Self {
        let detail = format!("The function's answer is no HTTP response: {reason}.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Bad answer", detail)
    }

    pub fn timed_out() -> Self {
        let detail = format!(
            "The function did not answer within {} seconds, the most that API Gateway waits. It goes on.",
            TIMEOUT.as_secs()
        );
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Timed out", detail)
    }

    /// The response, for a request of `path`.
    pub fn into_response(self, path: &str) -> Response {
        let body = json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": path,
        });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(allow) = self
            .allow
            .and_then(|allow| HeaderValue::try_from(allow).ok())
        {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
