//! Answers as the services shape them, made up here.

use aws_smithy_runtime_api::{
    client::{
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use rand::{Rng, rngs::SmallRng};
use serde_json::{Value, json};

/// What a connection brings.
pub type Answer = Result<HttpResponse, ConnectorError>;

/// Whom a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    DynamoDb,
    Kinesis,
    /// Lambda, which names operations by path.
    Other,
}

/// The service and the operation of a request.
pub fn target(request: &HttpRequest) -> (Service, String) {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let (service, operation) = target.split_once('.').unwrap_or(("", "Invoke"));
    let service = match service {
        "DynamoDB_20120810" => Service::DynamoDb,
        service if service.starts_with("Kinesis") => Service::Kinesis,
        _ => Service::Other,
    };
    (service, operation.to_string())
}

/// The service asks to slow down, in one of its ways.
pub fn throttled(service: Service, dice: &mut SmallRng) -> Answer {
    let capacity = "ProvisionedThroughputExceededException";
    let code = match (service, dice.random()) {
        (Service::DynamoDb, true) => format!("com.amazonaws.dynamodb.v20120810#{capacity}"),
        (Service::DynamoDb, false) => "com.amazon.coral.availability#ThrottlingException".into(),
        (Service::Kinesis, true) => capacity.into(),
        (Service::Kinesis, false) => "ThrottlingException".into(),
        (Service::Other, _) => "TooManyRequestsException".into(),
    };
    let status = if service == Service::Other { 429 } else { 400 };
    error(status, &code, "Rate exceeded.")
}

/// The service fails.
pub fn server_error(service: Service) -> Answer {
    let code = match service {
        Service::DynamoDb => "com.amazonaws.dynamodb.v20120810#InternalServerError",
        Service::Kinesis => "InternalServerError",
        Service::Other => "ServiceException",
    };
    error(500, code, "Internal server error.")
}

/// A transaction that met another one: some of its items did, at least one.
pub fn transaction_conflict(items: usize, dice: &mut SmallRng) -> Answer {
    let unlucky = dice.random_range(0..items.max(1));
    let mut code = |nth: usize| match nth == unlucky || dice.random_bool(0.2) {
        true => "TransactionConflict",
        false => "None",
    };
    let codes: Vec<&str> = (0..items).map(&mut code).collect();
    let reasons: Vec<Value> = codes
        .iter()
        .map(|code| match *code {
            "None" => json!({ "Code": code }),
            _ => json!({ "Code": code, "Message": "Transaction is ongoing for the item" }),
        })
        .collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        codes.join(", ")
    );
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": message,
        "CancellationReasons": reasons,
    });
    answer(400, &body)
}

/// A transaction that is being worked on under the same token.
pub fn transaction_in_progress() -> Answer {
    let code = "com.amazonaws.dynamodb.v20120810#TransactionInProgressException";
    let message = "Transaction with the given request token is already in progress";
    answer(400, &json!({ "__type": code, "Message": message }))
}

fn error(status: u16, code: &str, message: &str) -> Answer {
    let mut response = answer(status, &json!({ "__type": code, "message": message }))?;
    if let Some(code) = code.rsplit('#').next() {
        // Lambda's protocol names the error here.
        let headers = response.headers_mut();
        headers.insert("x-amzn-errortype", code.to_string());
    }
    Ok(response)
}

/// An answer with a JSON body.
pub fn answer(status: u16, body: &Value) -> Answer {
    let status = StatusCode::try_from(status);
    let status = status.map_err(|error| ConnectorError::other(error.into(), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.0");
    headers.insert("x-amzn-requestid", "injected");
    Ok(response)
}
