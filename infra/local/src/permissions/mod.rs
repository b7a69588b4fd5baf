//! IAM: checks what the functions do against the template's policies. A missing permission so shows on the laptop.
//!
//! The room knows actions, resources, policies and callers. It does not run requests.
//!
//! Each function process signs its requests with its function's name as the access key. A caller with another key is the
//! operator, who may do everything that no resource policy denies to everyone.

mod guard;
pub(crate) mod partiql;
mod pattern;
mod requests;

use axum::http::{HeaderMap, header};

use crate::template::{ACCOUNT, REGION};

pub(crate) use guard::{Denied, Guard};
pub(crate) use requests::kinesis_uses;

/// A use of a permission: an action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// The IAM action, such as `dynamodb:Query`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
    /// The partition keys of the items that it is about, where it is about items of a table.
    pub keys: Vec<String>,
}

impl Use {
    /// An action on a resource, by its ARN.
    pub fn new(action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            keys: Vec::new(),
        }
    }

    /// An action of DynamoDB on a table, by its name or ARN, or on one of its indexes.
    pub fn on_table(action: &str, table: &str, index: Option<&str>) -> Self {
        let name = table.rsplit_once("table/").map_or(table, |(_, name)| name);
        let index = index
            .map(|index| format!("/index/{index}"))
            .unwrap_or_default();
        Self::new(
            format!("dynamodb:{action}"),
            format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}{index}"),
        )
    }
}

/// The access key that signed a request.
pub(crate) fn caller(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split('/').next()
}
