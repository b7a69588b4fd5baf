//! The template's HTTP API: a request finds its route, becomes a payload, and the function's answer a response.

use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;

use super::backend::Backend;
use super::routes::Match;
use super::{authorize, function_url, request, response};
use crate::http::{self, Problem};
use crate::runtime::{By, Failure, MAXIMUM_PAYLOAD, Outcome};

/// The largest body of a request. Source: HTTP API quotas, 10 MB.
const MAXIMUM_BODY: usize = 10 * 1024 * 1024;
/// The largest sum of the request line and all header values. Source: HTTP API quotas, 10,240 bytes.
const MAXIMUM_HEAD: usize = 10_240;
/// How long an integration may take. Source: HTTP API quotas, 30 seconds.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// Answers a request of the HTTP API, or says why not.
pub(super) async fn answer(
    backend: &Backend,
    parts: &Parts,
    body: Body,
) -> Result<Response, Problem> {
    check_head(parts)?;
    let (route, parameters) = match backend.routes.find(parts.method.as_str(), parts.uri.path()) {
        Match::Found(route, parameters) => (route, parameters),
        Match::OtherMethods(methods) => {
            return Err(Problem::method_not_allowed(&parts.method, &methods));
        }
        Match::Nothing => {
            return Err(Problem::no_route(
                &parts.method,
                parts.uri.path(),
                &backend.routes.names(),
            ));
        }
    };
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        backend.disk.check()?;
    }
    let body = http::read(body, MAXIMUM_BODY).await?;
    if backend.enforces_auth {
        authorize::check(&route.authorization, parts, &body)?;
    }
    // On AWS a caller has signed the request. Here nobody signs. So at least no form on a web page may call a route that
    // an operator uses, and a form cannot send JSON.
    if !route.takes_any_body && !body.is_empty() {
        check_json(parts)?;
    }
    let streams = function_url::is_meant(parts) && backend.streaming.contains(&route.function);
    let payload = request::payload(parts, &body, route, &parameters);
    if streams {
        return function_url::answer(backend, route, &payload).await;
    }
    if payload.len() > MAXIMUM_PAYLOAD {
        return Err(payload_too_large(payload.len()));
    }
    let invocation = backend
        .runtime
        .invoke(By::Caller, &route.function, payload.into());
    match tokio::time::timeout(TIMEOUT, invocation).await {
        Ok(Outcome::Success(answer)) => response::of(&answer).map_err(bad_answer),
        Ok(Outcome::Failure(failure)) => Err(function_error(&failure)),
        Err(_) => Err(timed_out()),
    }
}

fn check_head(parts: &Parts) -> Result<(), Problem> {
    let line = parts.method.as_str().len()
        + parts
            .uri
            .path_and_query()
            .map_or(0, |target| target.as_str().len());
    let values: usize = parts.headers.values().map(|value| value.len()).sum();
    if line + values <= MAXIMUM_HEAD {
        return Ok(());
    }
    let (status, title, field) = if line > MAXIMUM_HEAD {
        (StatusCode::URI_TOO_LONG, "Target too long", "target")
    } else {
        (
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "Head too large",
            "headers",
        )
    };
    let detail = format!(
        "The request line and the values of the headers are {} bytes; API Gateway takes {MAXIMUM_HEAD}.",
        line + values
    );
    Err(Problem::new(status, title, detail).of_field(field))
}

fn check_json(parts: &Parts) -> Result<(), Problem> {
    let media_type = http::media_type(&parts.headers);
    if media_type == "application/json"
        || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    {
        return Ok(());
    }
    let given = http::content_type(&parts.headers);
    Err(Problem::content_type(given, "`application/json`"))
}

fn payload_too_large(bytes: usize) -> Problem {
    let detail = format!(
        "The request is {bytes} bytes once encoded for the function, and Lambda takes {MAXIMUM_PAYLOAD}."
    );
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", detail).of_field("body")
}

pub(super) fn function_error(failure: &Failure) -> Problem {
    let detail = format!("The function failed: {}", failure.text());
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Function error", detail)
}

pub(super) fn bad_answer(reason: String) -> Problem {
    let detail = format!("The function's answer is not an HTTP response: {reason}.");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Bad answer", detail)
}

pub(super) fn timed_out() -> Problem {
    let detail = format!(
        "The function did not answer within {} seconds, the limit of API Gateway. The function continues.",
        TIMEOUT.as_secs()
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Timed out", detail)
}
