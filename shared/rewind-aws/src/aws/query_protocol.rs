//! AWS's query protocol: a form goes in, XML comes out. CloudFormation and
//! CloudWatch speak it.

use super::call::Refusal;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_types::body::SdkBody;
use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::error::Error as StdError;

/// A request for an operation of a version of the service, with parameters.
pub(crate) fn request(
    operation: &str,
    version: &str,
    parameters: &[(String, String)],
) -> Result<HttpRequest, Box<dyn StdError + Send + Sync>> {
    let mut body = format!("Action={operation}&Version={version}");
    for (name, value) in parameters {
        let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
        body.push_str(&format!("&{name}={value}"));
    }
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("POST")?;
    request.set_uri("/")?;
    let headers = request.headers_mut();
    headers.insert("content-type", "application/x-www-form-urlencoded");
    headers.insert("content-length", length);
    Ok(request)
}

/// What `read` makes of an answer, or the service's refusal.
#[expect(
    clippy::result_large_err,
    reason = "the SDK's own type of what a deserializer returns"
)]
pub(crate) fn answered<T>(
    response: &HttpResponse,
    read: impl FnOnce(&str) -> Result<T, XmlDecodeError>,
) -> Result<T, OrchestratorError<Refusal>> {
    let body = response.body().bytes().unwrap_or_default();
    let strange = |why: String| OrchestratorError::response(why.into());
    let body = std::str::from_utf8(body).map_err(|error| strange(error.to_string()))?;
    if response.status().is_success() {
        return read(body).map_err(|error| strange(error.to_string()));
    }
    let status = response.status().as_u16();
    match refusal_of(body) {
        Ok(refusal) => Err(OrchestratorError::operation(refusal)),
        Err(_) => Err(strange(format!("HTTP {status}"))),
    }
}

/// Reads a refusal.
///
/// # Errors
///
/// When it is none.
pub(crate) fn refusal_of(body: &str) -> Result<Refusal, XmlDecodeError> {
    let mut document = Document::new(body);
    let mut answer = document.root_element()?;
    while let Some(mut error) = answer.next_tag() {
        if !error.start_el().matches("Error") {
            continue;
        }
        let (mut code, mut message) = (String::new(), String::new());
        while let Some(mut part) = error.next_tag() {
            match part.start_el().local() {
                "Code" => code = text(&mut part)?,
                "Message" => message = text(&mut part)?,
                _ => {}
            }
        }
        return Ok(Refusal::new(code, message));
    }
    Err(XmlDecodeError::custom("there is no error in it"))
}

/// The text of an element.
pub(crate) fn text(part: &mut ScopedDecoder<'_, '_>) -> Result<String, XmlDecodeError> {
    Ok(try_data(part)?.trim().to_string())
}
