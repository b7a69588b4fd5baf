//! A function's URL whose answers are streamed: server-sent events.
//!
//! On AWS the URL has a host of its own. Here the gateway is the only host, so a GET that accepts server-sent events goes
//! to the URL of its route's function, where that has one.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use futures::{StreamExt, stream};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::convert::Infallible;

use super::backend::Backend;
use super::http_api::{TIMEOUT, bad_answer, function_error, timed_out};
use super::response;
use crate::http::Problem;
use crate::runtime::{By, Outcome, Reply, Streamed};
use crate::template::Route;

const EVENT_STREAM: &str = "text/event-stream";

/// The head of a streamed answer.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(default)]
    status_code: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, Value>,
}

/// Whether a request asks for a stream.
pub(super) fn is_meant(parts: &Parts) -> bool {
    let accepted = parts.headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    parts.method == Method::GET && accepted.any(|value| value.contains(EVENT_STREAM))
}

/// Invokes the function with the payload of a URL, and passes its answer on as it comes.
pub(super) async fn answer(
    backend: &Backend,
    route: &Route,
    payload: &str,
) -> Result<Response, Problem> {
    let mut payload: Value =
        serde_json::from_str(payload).map_err(|error| bad_answer(error.to_string()))?;
    // A URL knows no routes.
    payload["routeKey"] = "$default".into();
    payload["requestContext"]["routeKey"] = "$default".into();
    if let Some(payload) = payload.as_object_mut() {
        payload.remove("pathParameters");
    }
    let payload = payload.to_string().into();
    let invocation = backend
        .runtime
        .invoke_streaming(By::Caller, &route.function, payload);
    match tokio::time::timeout(TIMEOUT, invocation).await {
        Ok(Reply::Streamed(streamed)) => passed_on(streamed),
        Ok(Reply::Ended(Outcome::Success(answer))) => response::of(&answer).map_err(bad_answer),
        Ok(Reply::Ended(Outcome::Failure(failure))) => Err(function_error(&failure)),
        Err(_) => Err(timed_out()),
    }
}

fn passed_on(streamed: Streamed) -> Result<Response, Problem> {
    let head: Head =
        serde_json::from_slice(&streamed.head).map_err(|error| bad_answer(error.to_string()))?;
    let parts = stream::unfold(streamed.body, |mut body| async move {
        let part = body.recv().await?;
        Some((part, body))
    });
    let body = Body::from_stream(parts.map(Ok::<_, Infallible>));
    let mut response = Response::new(body);
    let status = StatusCode::from_u16(head.status_code.unwrap_or(200));
    *response.status_mut() = status.map_err(|error| bad_answer(error.to_string()))?;
    for (name, value) in head.headers {
        let value = value.as_str().map(ToOwned::to_owned);
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        if let (Ok(name), Some(value)) = (HeaderName::try_from(name), value) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}
