//! The API as documents that programs read: OpenAPI of what goes over HTTP, and
//! AsyncAPI of what goes over Kinesis or is streamed.
//!
//! Shapes come from the types that are answered, names and parameters from the
//! routes, events and commands from the domain. This room knows how a document
//! is put together; it reads no table.

mod asyncapi;
mod domain;
mod events;
mod openapi;
mod operation;
mod operations;
mod parameters;
mod schemas;

pub use asyncapi::asyncapi;
pub use domain::{command_data, event_data};
pub use openapi::openapi;

/// Whose version the documents have: that of Rewind.
const VERSION: &str = env!("CARGO_PKG_VERSION");
