//! Requests to HTTP APIs.

mod answer;
mod api;
mod headers;
mod request;
mod retry_after;
mod url;

pub use answer::{CUT, MAX_ANSWER};
pub(super) use api::Api;
pub use request::MAX_BODY;
pub use retry_after::MAX_RETRY_AFTER;
