//! HTTP through API Gateway: requests in, JSON and problem details out.

mod members;
mod parameters;
mod route;
mod weight;

use crate::Error;
use aws_lambda_events::{
    apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    encodings::Body,
    http::{HeaderMap, HeaderValue, header::CONTENT_TYPE},
};
use base64::{Engine, engine::general_purpose::STANDARD};
pub use members::read;
pub use parameters::{Parameters, bad_parameter};
use rewind::{Problem, cloudevents::is_json, problem::PROBLEM_JSON};
pub use route::Route;
use serde::Serialize;
pub use weight::{MAX_WEIGHT, weight};

/// The most bytes of a problem's detail, and of the field that it names: both
/// may repeat what a client has sent.
const MAX_DETAIL: usize = 2_000;
const MAX_FIELD: usize = 200;

/// A request of HTTP API's payload version 2.0.
pub type Request = ApiGatewayV2httpRequest;

/// An answer of that version.
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

/// A problem that is not larger for what a client has sent.
pub fn clipped(problem: &Problem) -> Problem {
    let mut clipped = problem.clone();
    clip(&mut clipped.detail, MAX_DETAIL);
    if let Some(field) = &mut clipped.field {
        clip(field, MAX_FIELD);
    }
    clipped
}

/// The problem of a failure: 503 where another try can help, 500 where it
/// cannot. What failed is for the log, not for the client.
pub fn failed(error: &Error) -> Problem {
    match error {
        Error::Service { .. } | Error::Contended { .. } => {
            Problem::unavailable("nothing is lost by trying again")
        }
        Error::Rejected { .. } => Problem::new(
            500,
            "rejected",
            "a service refuses what was asked of it, and trying again does not help: the function's log says what",
        ),
        Error::Damaged { .. } | Error::Environment(_) => Problem::new(
            500,
            "damaged",
            "what is stored cannot be read, and trying again does not help: the function's log says what",
        ),
    }
}

/// Nothing stands where a part of the path, or a parameter, points to: 404.
pub fn missing(field: &str, detail: impl Into<String>) -> Problem {
    let mut problem = Problem::not_found(detail);
    problem.field = Some(field.to_string());
    problem
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
    let not_text = || {
        let mut problem = Problem::new(400, "not-utf8", "the body is not valid UTF-8 text");
        problem.field = Some("body".into());
        problem
    };
    let bytes = STANDARD.decode(&text).map_err(|_| not_text())?;
    String::from_utf8(bytes).map_err(|_| not_text())
}

/// A body that is declared to be JSON; one that is empty needs no declaration.
/// A web page can post text to any address, but no JSON.
///
/// # Errors
///
/// A problem when it is declared to be something else, or is no valid UTF-8.
pub fn json_body(request: &Request) -> Result<String, Problem> {
    let body = body(request)?;
    let media = header_text(request, "content-type")?.unwrap_or_default();
    if body.is_empty() || is_json(media) {
        return Ok(body);
    }
    let why = "expected application/json";
    let mut problem = Problem::new(415, "unsupported-media-type", why);
    problem.field = Some("content-type".into());
    Err(problem)
}

/// A header, by its lower-case name.
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request.headers.get(name)?.to_str().ok()
}

/// A header, by its lower-case name, that must not be passed over.
///
/// # Errors
///
/// A problem when it has other characters than those of ASCII.
pub fn header_text<'a>(request: &'a Request, name: &str) -> Result<Option<&'a str>, Problem> {
    let text = request.headers.get(name).map(HeaderValue::to_str);
    let text = text.transpose();
    text.map_err(|_| bad_parameter(name, "expected visible ASCII characters"))
}

/// A parameter of the path.
pub fn path<'a>(request: &'a Request, name: &str) -> &'a str {
    request.path_parameters.get(name).map_or("", String::as_str)
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

/// Cuts a text that is too long, at a character.
fn clip(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
}
