//! What the rooms above need of the SDK: errors, retries, items, the producer
//! of Kinesis records, batches of a trigger, objects in a bucket, other
//! invocations, HTTP requests, log lines.
//!
//! It knows DynamoDB, Kinesis, S3's events, Lambda and API Gateway. It must not know a
//! table, a stream's purpose or a domain.

pub mod batch;
pub mod bucket;
pub(crate) mod call;
pub mod clock;
pub(crate) mod error;
pub mod http;
pub mod http_api;
pub(crate) mod item;
pub mod lambda;
pub mod log;
pub mod objects;
pub mod producer;
pub mod publish;
pub(crate) mod query_protocol;
pub mod retry;
pub(crate) mod statements;
pub mod trigger;
