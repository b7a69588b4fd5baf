//! What API Gateway gets back.

use super::{
    problems::clipped,
    weight::{MAX_WEIGHT, weight},
};
use aws_lambda_events::{
    apigw::ApiGatewayV2httpResponse,
    encodings::Body,
    http::{HeaderMap, HeaderValue, header::CONTENT_TYPE},
};
use rewind::{Problem, problem::PROBLEM_JSON};
use serde::Serialize;
use serde_json::Value;

/// An answer of HTTP API's payload version 2.0.
pub type Response = ApiGatewayV2httpResponse;

/// An answer with a JSON body. One that is larger than Lambda returns becomes a
/// problem that says so.
pub fn json(status: u16, body: &impl Serialize) -> Response {
    answer(status, "application/json", body)
}

/// An answer with problem details.
pub fn problem(problem: &Problem) -> Response {
    answer(problem.status, PROBLEM_JSON, &clipped(problem))
}

/// An answer with problem details that have members of their own (RFC 9457,
/// section 3.2).
pub fn problem_with(problem: &Problem, more: &Value) -> Response {
    let clipped = clipped(problem);
    let Ok(Value::Object(mut members)) = serde_json::to_value(&clipped) else {
        return self::problem(problem);
    };
    let more = more.as_object().into_iter().flatten();
    members.extend(more.map(|(name, value)| (name.clone(), value.clone())));
    answer(problem.status, PROBLEM_JSON, &members)
}

/// The same answer with a header. A value that no header holds is left out.
#[must_use]
pub fn with_header(mut response: Response, name: &'static str, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers.insert(name, value);
    }
    response
}

fn answer(status: u16, media: &'static str, body: &impl Serialize) -> Response {
    // What Rewind answers always has a JSON text.
    let text = serde_json::to_string(body).unwrap_or_default();
    let weight = weight(&text);
    if weight > MAX_WEIGHT {
        let why = format!(
            "the answer takes {weight} bytes and Lambda returns at most {MAX_WEIGHT}: ask for less at once"
        );
        return problem(&Problem::new(422, "answer-too-large", why));
    }
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    let mut response = Response::default();
    response.status_code = i64::from(status);
    response.headers = headers;
    response.body = Some(Body::Text(text));
    response
}
