//! Appending outside of pump: what is decided is recorded and published at
//! once, and published by somebody else where its process dies in between.
//!
//! It knows both tables and the stream `events`. It must not know who decides,
//! nor what.

mod appender;
mod publish;
pub mod recorder;
pub mod sweep;
