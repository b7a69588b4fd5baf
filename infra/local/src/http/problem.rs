//! A refusal, as problem details (RFC 9457).

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};

/// The media type of problem details.
pub(crate) const CONTENT_TYPE: &str = "application/problem+json";

/// The longest path that a problem quotes.
const LONGEST_INSTANCE: usize = 1024;

/// Why an endpoint refuses a request, before the service behind it sees it.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: String,
    field: Option<&'static str>,
    headers: Vec<(HeaderName, String)>,
}

impl Problem {
    pub fn new(status: StatusCode, title: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            title,
            detail: detail.into(),
            field: None,
            headers: Vec::new(),
        }
    }

    /// The same problem, with the part of the request that is wrong.
    pub fn of_field(self, field: &'static str) -> Self {
        Self {
            field: Some(field),
            ..self
        }
    }

    /// The same problem, with a header for its response.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn no_route(method: &Method, path: &str, routes: &[String]) -> Self {
        let path = match path.len() {
            0..=LONGEST_INSTANCE => path,
            _ => "this path",
        };
        let detail = format!(
            "No route fits {method} {path}. The routes are: {}.",
            routes.join(", ")
        );
        Self::new(StatusCode::NOT_FOUND, "No such route", detail).of_field("path")
    }

    pub fn method_not_allowed(method: &Method, allowed: &[String]) -> Self {
        let allowed = allowed.join(", ");
        let detail = format!("This path does not support {method}. It supports: {allowed}.");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", detail)
            .of_field("method")
            .with(header::ALLOW, allowed)
    }

    pub fn content_type(given: &str, expected: &str) -> Self {
        let given = match given {
            "" => "none".to_owned(),
            given => format!("`{given}`"),
        };
        let detail = format!("The content type is {given}. {expected} was expected.");
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported content type",
            detail,
        )
        .of_field("content-type")
    }

    /// The request is not valid HTTP/1.1.
    pub fn malformed(field: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "Malformed request", detail).of_field(field)
    }

    pub fn body_too_large(limit: usize) -> Self {
        let detail = format!("The body is larger than {limit} bytes, the limit of this endpoint.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", detail).of_field("body")
    }

    /// A part of the request did not arrive in time.
    pub fn too_slow(field: &'static str, limit: Duration) -> Self {
        let detail = format!(
            "The {field} of the request did not arrive completely within {} seconds.",
            limit.as_secs_f64()
        );
        Self::new(StatusCode::REQUEST_TIMEOUT, "Request timed out", detail)
            .of_field(field)
            .with(header::CONNECTION, "close")
    }

    /// The members of the problem details object.
    pub fn body(&self, path: &str) -> Value {
        let mut body = json!({
            "type": "about:blank",
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        // A path that is too long is not repeated.
        if path.len() <= LONGEST_INSTANCE {
            body["instance"] = json!(path);
        }
        if let Some(field) = self.field {
            body["field"] = json!(field);
        }
        body
    }

    /// What is wrong, in a sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The response, for a request of `path`.
    pub fn into_response(self, path: &str) -> Response {
        let mut response = Response::new(Body::from(self.body(path).to_string()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }

    /// The complete answer in bytes, for a connection that ends with it.
    pub fn on_the_wire(&self) -> Vec<u8> {
        let body = self.body("").to_string();
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}",
            status = self.status,
            length = body.len(),
        )
        .into_bytes()
    }
}
