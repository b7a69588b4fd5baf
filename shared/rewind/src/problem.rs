//! Problem details (RFC 9457): what every refused HTTP request is answered with.

use serde::Serialize;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// A problem: what is wrong, where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, and what was expected.
    pub detail: String,
    /// The field, header or parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl Problem {
    /// A problem of a kind, such as `invalid-event`, whose title its words are.
    pub fn new(status: u16, kind: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:rewind:problem:{kind}"),
            title: kind.replace('-', " "),
            status,
            detail: detail.into(),
            field: None,
        }
    }

    /// A field of an event or a request that does not fit: 422.
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::new(422, "invalid-field", detail);
        problem.field = Some(field.to_string());
        problem
    }

    /// What was asked for is not there: 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", detail)
    }

    /// A service that Rewind stands on did not do its part: 503, to be tried
    /// again.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "unavailable", detail)
    }
}
