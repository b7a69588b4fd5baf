//! The HTTP gateway: the template's HTTP API, and Lambda's Invoke.

mod invoke;
mod queue;
mod request;
mod response;
mod routes;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::Response;

use crate::disk::Disk;
use crate::http::{self, Problem};
use crate::permissions::Guard;
use crate::runtime::{Failure, MAXIMUM_PAYLOAD, Outcome, Runtime};

pub(crate) use queue::Queue;
use routes::Match;
pub(crate) use routes::Routes;

/// The most of a request's body. Source: HTTP API quotas, 10 MB.
const MAXIMUM_BODY: usize = 10 * 1024 * 1024;
/// The most of a request line and all header values. Source: HTTP API quotas, 10,240 bytes.
const MAXIMUM_HEAD: usize = 10_240;
/// How long an integration may take. Source: HTTP API quotas, 30 seconds.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What the gateway answers with.
#[derive(Debug, Clone)]
pub(crate) struct Gateway {
    pub runtime: Arc<Runtime>,
    pub routes: Arc<Routes>,
    pub queue: Arc<Queue>,
    pub guard: Arc<Guard>,
    pub disk: Disk,
}

impl Gateway {
    /// The gateway's application.
    pub fn app(self) -> Router {
        Router::new().fallback(call).with_state(self)
    }
}

async fn call(State(gateway): State<Gateway>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    if let Some(function) = invoke::function_of(&path) {
        return invoke::answer(&gateway, &function, &parts, body).await;
    }
    match route(&gateway, &parts, body).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(&path),
    }
}

async fn route(gateway: &Gateway, parts: &Parts, body: Body) -> Result<Response, Problem> {
    check_head(parts)?;
    let (route, parameters) = match gateway.routes.find(parts.method.as_str(), parts.uri.path()) {
        Match::Found(route, parameters) => (route, parameters),
        Match::OtherMethods(methods) => {
            return Err(Problem::method_not_allowed(&parts.method, &methods));
        }
        Match::Nothing => {
            return Err(Problem::no_route(
                &parts.method,
                parts.uri.path(),
                &gateway.routes.names(),
            ));
        }
    };
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        gateway.disk.check()?;
    }
    let body = http::read(body, MAXIMUM_BODY).await?;
    // On AWS a caller of such a route has signed the request. Here nobody signs, so that at least a form on some page
    // must not be able to call it, whatever its browser does.
    if route.authorizer.is_some() && !body.is_empty() {
        check_json(parts)?;
    }
    let payload = request::payload(parts, &body, route, &parameters);
    if payload.len() > MAXIMUM_PAYLOAD {
        return Err(payload_too_large(payload.len()));
    }
    let invocation = gateway.runtime.invoke(&route.function, payload.into());
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
    let given = content_type(parts);
    let essence = given.split(';').next().unwrap_or_default().trim();
    let essence = essence.to_ascii_lowercase();
    if essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"))
    {
        return Ok(());
    }
    Err(Problem::content_type(given, "`application/json`"))
}

fn content_type(parts: &Parts) -> &str {
    let value = parts.headers.get(header::CONTENT_TYPE);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn payload_too_large(bytes: usize) -> Problem {
    let detail = format!(
        "The request is {bytes} bytes once encoded for the function, and Lambda takes {MAXIMUM_PAYLOAD}."
    );
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Body too large", detail).of_field("body")
}

fn function_error(failure: &Failure) -> Problem {
    let detail = format!("The function failed: {}", failure.text());
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Function error", detail)
}

fn bad_answer(reason: String) -> Problem {
    let detail = format!("The function's answer is no HTTP response: {reason}.");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "Bad answer", detail)
}

fn timed_out() -> Problem {
    let detail = format!(
        "The function did not answer within {} seconds, the most that API Gateway waits. It goes on.",
        TIMEOUT.as_secs()
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "Timed out", detail)
}
