//! HTTP through API Gateway: requests in, JSON and problem details out.

use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
    http::{HeaderMap, HeaderValue, header::CONTENT_TYPE},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{Problem, problem::PROBLEM_JSON};
use serde::Serialize;

/// A request of HTTP API's payload version 2.0.
pub type Request = ApiGatewayV2httpRequest;

/// An answer of that version.
pub type Response = ApiGatewayV2httpResponse;

/// An answer with a JSON body.
pub fn json(status: u16, body: &impl Serialize) -> Response {
    answer(status, "application/json", body)
}

/// An answer with problem details.
pub fn problem(problem: &Problem) -> Response {
    answer(problem.status, PROBLEM_JSON, problem)
}

/// The body as text.
///
/// # Errors
///
/// A problem when it is no valid UTF-8.
pub fn body(request: &Request) -> Result<String, Problem> {
    let text = request.body.clone().unwrap_or_default();
    if !request.is_base64_encoded {
        return Ok(text);
    }
    let not_text = || Problem::new(400, "not-utf8", "the body is not valid UTF-8 text");
    let bytes = STANDARD.decode(&text).map_err(|_| not_text())?;
    String::from_utf8(bytes).map_err(|_| not_text())
}

/// A header, by its lower-case name.
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

/// A parameter of the path.
pub fn path<'a>(request: &'a Request, name: &str) -> &'a str {
    request.path_parameters.get(name).map_or("", String::as_str)
}

/// A parameter of the query string.
pub fn query<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.query_string_parameters.first(name)
}

/// A whole number of the query string, within bounds.
///
/// # Errors
///
/// A problem that names the parameter and the bounds.
pub fn query_number(
    request: &Request,
    name: &str,
    bounds: std::ops::RangeInclusive<u64>,
    default: u64,
) -> Result<u64, Problem> {
    let Some(text) = query(request, name) else {
        return Ok(default);
    };
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| {
        let (from, to) = bounds.into_inner();
        bad_parameter(name, format!("expected a whole number from {from} to {to}"))
    })
}

/// A parameter of the query string that does not fit: 400.
pub fn bad_parameter(name: &str, why: impl Into<String>) -> Problem {
    let mut problem = Problem::new(400, "invalid-parameter", why);
    problem.field = Some(name.to_string());
    problem
}

fn answer(status: u16, media: &'static str, body: &impl Serialize) -> Response {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media));
    let mut response = Response::default();
    response.status_code = i64::from(status);
    response.headers = headers;
    // What Rewind answers always has a JSON text.
    response.body = serde_json::to_string(body).ok().map(Body::Text);
    response
}
