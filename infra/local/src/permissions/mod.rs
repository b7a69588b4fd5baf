//! Checks what the functions do against the template's policies, so that a missing permission shows on the laptop.
//!
//! Each function process signs its requests with its function's name for an access key. Whoever uses another key is the
//! operator, who may do all but what a resource policy denies to everyone.

mod guard;
mod partiql;
mod pattern;
mod requests;

use axum::http::{HeaderMap, header};

pub(crate) use guard::Guard;
pub(crate) use requests::{dynamodb_uses, kinesis_uses};

/// One thing that a request does: an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// The IAM action, such as `dynamodb:Query`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
}

/// The access key that signed a request.
pub(crate) fn caller(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split('/').next()
}
