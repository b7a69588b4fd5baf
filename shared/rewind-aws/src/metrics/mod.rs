//! Metrics in CloudWatch's embedded metric format: a line of JSON on standard
//! output, which CloudWatch Logs turns into metrics.
//!
//! It knows the names and units of all metrics and how a line is written. It
//! must not know who counts what, and it never makes an invocation fail.

pub mod catalog;
mod emf;
mod line;
mod sink;

pub use line::Line;
pub use sink::{Metrics, Written};
