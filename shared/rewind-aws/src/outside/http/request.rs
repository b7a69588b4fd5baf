//! A request as it is sent.

use super::{
    headers::{Scheme, of_json},
    url::behind,
};
use crate::outside::sent::Sending;
use reqwest::{Method, Request, Url};
use rewind::HttpRequest;
use std::time::Duration;

/// The longest body. Requests are recorded as events, and an item of DynamoDB
/// holds 400 KB; secrets beside that are not recorded.
pub const MAX_BODY: usize = 1024 * 1024;

/// Makes a request of a gateway, but for its credentials.
///
/// # Errors
///
/// When it can never be sent: why.
pub(super) fn made(
    base: &Url,
    scheme: &Scheme,
    timeout: Duration,
    (asked, sending): (&HttpRequest, &Sending<'_>),
) -> Result<Request, String> {
    let url = behind(base, &asked.path)?;
    let method = match asked.method {
        rewind::Method::Get => Method::GET,
        rewind::Method::Post => Method::POST,
        rewind::Method::Put => Method::PUT,
        rewind::Method::Patch => Method::PATCH,
        rewind::Method::Delete => Method::DELETE,
    };
    let mut request = Request::new(method, url);
    *request.timeout_mut() = Some(timeout);
    *request.headers_mut() = scheme.headers(&asked.headers, sending)?;
    if !asked.body.is_null() {
        let body = serde_json::to_vec(&asked.body).map_err(|error| error.to_string())?;
        if body.len() > MAX_BODY {
            let bytes = body.len();
            return Err(format!("the body has {bytes} bytes, more than {MAX_BODY}"));
        }
        of_json(request.headers_mut());
        *request.body_mut() = Some(body.into());
    }
    Ok(request)
}
