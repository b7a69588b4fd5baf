//! Problem details (RFC 9457): what every refused HTTP request is answered with.

use crate::Rejection;
use schemars::JsonSchema;
use serde::Serialize;

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The `field` of a problem with a body, or an event, as a whole: the root in
/// JSONPath (RFC 9535).
pub const WHOLE: &str = "$";

/// The longest `detail`, and the longest `field`, in bytes. They may quote the
/// request, and an answer has a limit.
const MAX_DETAIL: usize = 1_000;
const MAX_FIELD: usize = 128;

/// A problem: what is wrong, where, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error, JsonSchema)]
#[error("{title}: {detail}")]
pub struct Problem {
    /// A URI reference that names the kind of problem.
    #[serde(rename = "type")]
    pub problem_type: String,
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
    pub fn new(status: u16, problem_type: &str, detail: impl Into<String>) -> Self {
        Self {
            problem_type: format!("urn:rewind:problem:{problem_type}"),
            title: problem_type.replace('-', " "),
            status,
            detail: cut(detail.into(), MAX_DETAIL),
            field: None,
        }
    }

    /// A field of an event or a request that does not fit: 422.
    pub fn invalid(field: &str, detail: impl Into<String>) -> Self {
        Self::new(422, "invalid-field", detail).of(field)
    }

    /// The same problem, of this field, header or parameter. One without a name
    /// is the whole.
    #[must_use]
    pub fn of(mut self, field: &str) -> Self {
        let field = if field.is_empty() { WHOLE } else { field };
        self.field = Some(cut(field.to_string(), MAX_FIELD));
        self
    }

    /// What was asked for is not there: 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(404, "not-found", detail)
    }

    /// The same as a rejection: what is wrong in which field.
    pub fn as_rejection(&self) -> Rejection {
        let field = self.field.as_deref().map(|field| format!("`{field}` "));
        Rejection::new(format!("{}{}", field.unwrap_or_default(), self.detail))
    }

    /// A service that Rewind stands on did not do its part: 503, to be tried
    /// again.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(503, "unavailable", detail)
    }
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
    text
}
