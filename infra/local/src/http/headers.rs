//! The content type of a request.

use axum::http::{HeaderMap, header};

/// The value of the `Content-Type` header; empty when there is none.
pub(crate) fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(header::CONTENT_TYPE);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// The media type of a request, in lower case and without parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let media_type = content_type(headers).split(';').next();
    media_type.unwrap_or_default().trim().to_ascii_lowercase()
}
