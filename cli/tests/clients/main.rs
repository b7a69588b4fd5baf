//! What programs know of a deployment: the documents that it answers, and the
//! client that is written for its domain.

#[path = "../../src/client.rs"]
#[allow(dead_code, reason = "the tests use a part of it")]
mod client;
mod described;
#[path = "../system/support.rs"]
#[allow(dead_code, reason = "the tests use a part of it")]
mod support;
mod typescript;
