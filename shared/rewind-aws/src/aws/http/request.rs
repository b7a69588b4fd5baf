//! What API Gateway hands over.

use super::problems::bad_parameter;
use aws_lambda_events::{apigw::ApiGatewayV2httpRequest, http::HeaderValue};
use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::{Problem, cloudevents::is_json};

/// A request of HTTP API's payload version 2.0.
pub type Request = ApiGatewayV2httpRequest;

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
