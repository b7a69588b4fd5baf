//! The Kinesis endpoint: JSON 1.1 over HTTP, with each request checked before it reaches the service.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ferrokinesis::actions::Operation;
use ferrokinesis::error::KinesisErrorResponse;
use ferrokinesis::validation::{self, FieldDef};
use serde_json::Value;

use super::service::Kinesis;
use crate::http::{self, Problem};
use crate::permissions::{Guard, caller, kinesis_uses};

/// Room for 10 MiB of records in base64, and for the rest of the request.
const MAXIMUM_BODY: usize = 15 * 1024 * 1024;
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

#[derive(Clone)]
struct Endpoint {
    kinesis: Arc<Kinesis>,
    guard: Arc<Guard>,
}

/// The endpoint's application.
pub(crate) fn app(kinesis: Arc<Kinesis>, guard: Arc<Guard>) -> Router {
    Router::new()
        .fallback(answer)
        .with_state(Endpoint { kinesis, guard })
}

async fn answer(State(endpoint): State<Endpoint>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = match http::read(body, MAXIMUM_BODY).await {
        Ok(body) => body,
        Err(unread) => return Problem::from(unread).into_response(head.uri.path()),
    };
    match call(&endpoint, &head.headers, &body).await {
        Ok(Some(answer)) => json(StatusCode::OK, answer.to_string()),
        Ok(None) => json(StatusCode::OK, String::new()),
        Err(error) => {
            let status = StatusCode::from_u16(error.status_code)
                .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            json(
                status,
                serde_json::to_string(&error.body).unwrap_or_default(),
            )
        }
    }
}

async fn call(
    endpoint: &Endpoint,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<Value>, KinesisErrorResponse> {
    let header = |name: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    };
    let operation = header("x-amz-target")
        .strip_prefix("Kinesis_20131202.")
        .and_then(|name| name.parse::<Operation>().ok())
        .ok_or_else(|| KinesisErrorResponse::client_error("UnknownOperationException", None))?;
    if header("content-type").contains("cbor") {
        return Err(KinesisErrorResponse::serialization_error(
            "The local Kinesis speaks application/x-amz-json-1.1 only: set AWS_CBOR_DISABLE=true",
        ));
    }
    if operation == Operation::SubscribeToShard {
        return Err(KinesisErrorResponse::client_error(
            "InvalidArgumentException",
            Some("The local Kinesis has no enhanced fan-out: read with GetRecords"),
        ));
    }
    let mut request: Value = serde_json::from_slice(body)
        .map_err(|error| KinesisErrorResponse::serialization_error(&error.to_string()))?;
    name_stream(&mut request);
    let uses = kinesis_uses(operation.as_str(), &request);
    if let Err(denied) = endpoint.guard.check(caller(headers), &uses) {
        return Err(KinesisErrorResponse::client_error(
            "AccessDeniedException",
            Some(&denied.to_string()),
        ));
    }
    let rules = operation.validation_rules();
    let fields: Vec<(&str, &FieldDef)> = rules.iter().map(|(name, rule)| (*name, rule)).collect();
    let request = validation::check_types(&request, &fields)?;
    validation::check_validations(&request, &fields, None)?;
    endpoint.kinesis.call(operation, request).await
}

/// Adds the stream's name to a request with its ARN only. Not every operation of the store reads the ARN.
fn name_stream(request: &mut Value) {
    if let Value::Object(fields) = request
        && !fields.contains_key("StreamName")
        && let Some(name) = fields
            .get("StreamARN")
            .and_then(Value::as_str)
            .and_then(|arn| arn.rsplit_once("stream/"))
    {
        let name = Value::from(name.1);
        fields.insert("StreamName".to_owned(), name);
    }
}

fn json(status: StatusCode, body: String) -> Response {
    let request_id = uuid::Uuid::now_v7().to_string();
    let headers = [
        (header::CONTENT_TYPE.as_str(), CONTENT_TYPE),
        ("x-amzn-requestid", &request_id),
    ];
    (status, headers, body).into_response()
}
