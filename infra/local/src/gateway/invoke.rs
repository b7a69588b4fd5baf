//! Lambda's Invoke, so that the AWS CLI, the SDKs and `cargo lambda invoke` reach the functions.

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::json;

use super::Gateway;
use crate::permissions::{Use, caller};
use crate::runtime::{MAXIMUM_EVENT, MAXIMUM_PAYLOAD, Outcome};

/// An error of Invoke itself, with its status and type.
struct Refusal(StatusCode, &'static str, String);

pub(super) async fn invoke(
    State(gateway): State<Gateway>,
    Path(name): Path<String>,
    request: Request,
) -> Response {
    match run(&gateway, &name, request).await {
        Ok(response) => response,
        Err(Refusal(status, kind, message)) => {
            let body = json!({ "Type": "User", "Message": message, "message": message });
            let mut response = answer(status, body.to_string().into());
            set(&mut response, "x-amzn-errortype", kind);
            response
        }
    }
}

async fn run(gateway: &Gateway, name: &str, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let Some(function) = gateway.runtime.find(name) else {
        let message = format!("Function not found: {name}");
        return Err(Refusal(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            message,
        ));
    };
    let uses = [Use {
        action: "lambda:InvokeFunction".to_owned(),
        resource: function.arn.clone(),
    }];
    if let Err(denied) = gateway.guard.check(caller(&parts.headers), &uses) {
        return Err(Refusal(
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            denied.to_string(),
        ));
    }
    let kind = parts
        .headers
        .get("x-amz-invocation-type")
        .and_then(|kind| kind.to_str().ok());
    let payload = read(
        body,
        if kind == Some("Event") {
            MAXIMUM_EVENT
        } else {
            MAXIMUM_PAYLOAD
        },
    )
    .await?;
    match kind.unwrap_or("RequestResponse") {
        "DryRun" => Ok(answer(StatusCode::NO_CONTENT, Bytes::new())),
        "Event" => match gateway.queue.put(&function.logical_id, payload) {
            Ok(_) => Ok(answer(StatusCode::ACCEPTED, Bytes::new())),
            Err(error) => {
                let message = format!("the event cannot be kept: {error}");
                Err(Refusal(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "ServiceException",
                    message,
                ))
            }
        },
        "RequestResponse" => {
            let outcome = gateway.runtime.invoke(&function.logical_id, payload).await;
            let (payload, is_error) = match outcome {
                Outcome::Success(payload) => (payload, false),
                Outcome::Failure(failure) => (failure.payload, true),
            };
            let mut response = answer(StatusCode::OK, payload);
            set(&mut response, "x-amz-executed-version", "$LATEST");
            if is_error {
                set(&mut response, "x-amz-function-error", "Unhandled");
            }
            Ok(response)
        }
        other => {
            let message = format!("{other} is none of RequestResponse, Event and DryRun");
            Err(Refusal(
                StatusCode::BAD_REQUEST,
                "InvalidParameterValueException",
                message,
            ))
        }
    }
}

async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let body = super::read(body)
        .await
        .ok()
        .filter(|body| body.len() <= limit)
        .ok_or_else(|| {
            let message = format!("the payload is larger than {limit} bytes");
            Refusal(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestTooLargeException",
                message,
            )
        })?;
    if body.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) => Ok(body),
        Err(error) => {
            let message = format!("Could not parse request body into json: {error}");
            Err(Refusal(
                StatusCode::BAD_REQUEST,
                "InvalidRequestContentException",
                message,
            ))
        }
    }
}

fn answer(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    set(
        &mut response,
        "x-amzn-requestid",
        &uuid::Uuid::now_v7().to_string(),
    );
    response
}

fn set(response: &mut Response, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response
            .headers_mut()
            .insert(HeaderName::from_static(name), value);
    }
}
