//! Lambda's Invoke. With it the AWS CLI, the SDKs and `cargo lambda invoke` reach the functions.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::json;

use super::backend::Backend;
use crate::http::{self, Problem};
use crate::permissions::{Use, caller};
use crate::runtime::{By, MAXIMUM_EVENT, MAXIMUM_PAYLOAD, Outcome};

/// The media types that a web page can send to another site without asking it first.
const FORM_TYPES: [&str; 3] = [
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "text/plain",
];

/// An error of Invoke itself: a problem, and the error type that the SDKs know.
struct Refusal(Problem, &'static str);

/// The function's name in the path of an invocation.
pub(super) fn function_of(path: &str) -> Option<Cow<'_, str>> {
    let name = path
        .strip_prefix("/2015-03-31/functions/")?
        .strip_suffix("/invocations")?;
    (!name.is_empty() && !name.contains('/')).then(|| percent_decode_str(name).decode_utf8_lossy())
}

pub(super) async fn answer(backend: &Backend, name: &str, parts: &Parts, body: Body) -> Response {
    let Refusal(problem, error_type) = match run(backend, name, parts, body).await {
        Ok(response) => return response,
        Err(refusal) => refusal,
    };
    // The SDKs read `message`; people read the rest.
    let mut members = problem.body(parts.uri.path());
    members["message"] = json!(problem.detail());
    members["Message"] = json!(problem.detail());
    members["Type"] = json!("User");
    let mut response = problem.into_response(parts.uri.path());
    *response.body_mut() = Body::from(members.to_string());
    identify(&mut response);
    set(&mut response, "x-amzn-errortype", error_type);
    response
}

async fn run(
    backend: &Backend,
    name: &str,
    parts: &Parts,
    body: Body,
) -> Result<Response, Refusal> {
    let refused = |status, title, detail: String, error_type| {
        Refusal(Problem::new(status, title, detail), error_type)
    };
    if parts.method != Method::POST {
        let problem = Problem::method_not_allowed(&parts.method, &["POST".to_owned()]);
        return Err(Refusal(problem, "InvalidRequestContentException"));
    }
    let Some(function) = backend.runtime.find(name) else {
        let problem = Problem::new(
            StatusCode::NOT_FOUND,
            "No such function",
            format!("Function not found: {name}"),
        );
        return Err(Refusal(
            problem.of_field("name"),
            "ResourceNotFoundException",
        ));
    };
    let uses = [Use::new("lambda:InvokeFunction", function.arn.clone())];
    if let Err(denied) = backend.guard.check(caller(&parts.headers), &uses) {
        return Err(refused(
            StatusCode::FORBIDDEN,
            "Access denied",
            denied.to_string(),
            "AccessDeniedException",
        ));
    }
    let invocation_type = parts
        .headers
        .get("x-amz-invocation-type")
        .and_then(|value| value.to_str().ok());
    let limit = if invocation_type == Some("Event") {
        MAXIMUM_EVENT
    } else {
        MAXIMUM_PAYLOAD
    };
    let payload = read(parts, body, limit).await?;
    match invocation_type.unwrap_or("RequestResponse") {
        "DryRun" => Ok(success(StatusCode::NO_CONTENT, Bytes::new())),
        "Event" => {
            backend
                .disk
                .check()
                .map_err(|problem| Refusal(problem, "ServiceException"))?;
            match backend.queue.put(&function.logical_id, payload) {
                Ok(_) => Ok(success(StatusCode::ACCEPTED, Bytes::new())),
                Err(error) => Err(refused(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "Not accepted",
                    format!("the event cannot be kept: {error}"),
                    "ServiceException",
                )),
            }
        }
        "RequestResponse" => {
            let outcome = backend
                .runtime
                .invoke(By::Caller, &function.logical_id, payload)
                .await;
            let (payload, is_error) = match outcome {
                Outcome::Success(payload) => (payload, false),
                Outcome::Failure(failure) => (failure.payload, true),
            };
            let mut response = success(StatusCode::OK, payload);
            set(&mut response, "x-amz-executed-version", "$LATEST");
            if is_error {
                set(&mut response, "x-amz-function-error", "Unhandled");
            }
            Ok(response)
        }
        other => {
            let problem = Problem::new(
                StatusCode::BAD_REQUEST,
                "No such invocation type",
                format!("{other} is none of RequestResponse, Event and DryRun"),
            );
            Err(Refusal(
                problem.of_field("x-amz-invocation-type"),
                "InvalidParameterValueException",
            ))
        }
    }
}

async fn read(parts: &Parts, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let body = http::read(body, limit)
        .await
        .map_err(|unread| match unread {
            http::Unread::TooLarge(limit) => {
                Refusal(Problem::body_too_large(limit), "RequestTooLargeException")
            }
            other => Refusal(other.into(), "InvalidRequestContentException"),
        })?;
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    if FORM_TYPES.contains(&http::media_type(&parts.headers).as_str()) {
        let given = http::content_type(&parts.headers);
        let problem = Problem::content_type(given, "`application/json`");
        return Err(Refusal(problem, "UnsupportedMediaTypeException"));
    }
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => Ok(body),
        Err(error) => {
            let detail = format!("Could not parse request body into json: {error}");
            Err(Refusal(
                Problem::malformed("body", detail),
                "InvalidRequestContentException",
            ))
        }
    }
}

fn success(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    identify(&mut response);
    response
}

fn identify(response: &mut Response) {
    set(
        response,
        "x-amzn-requestid",
        &uuid::Uuid::now_v7().to_string(),
    );
}

fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
}
