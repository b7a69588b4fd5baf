//! The forms in which events are sent and stored.
//!
//! This room knows bytes, JSON and limits. It does not know the domain, nor
//! where the bytes lie.

pub mod claimed;
pub mod cloudevents;
mod codec;
pub mod command;
pub mod commit;
pub mod delivery;
pub mod event;
pub mod kpl;
pub mod misfit;
pub mod numbers;
pub mod problem;
pub mod reserved;
mod schema;
