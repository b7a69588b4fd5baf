//! What a team implements: events, projections, reactions, processes,
//! aggregates, gateways, upcasters.
//!
//! This room knows the forms in which events are recorded. It does not know who
//! calls a team's code: that is `fold`.

pub mod aggregate;
pub mod categories;
pub mod decision;
pub mod emit;
pub mod event;
pub mod gateway;
pub mod nested;
pub mod new_call;
pub mod new_command;
pub mod new_event;
pub mod process;
pub mod projection;
pub mod reaction;
pub mod rejection;
pub mod request;
pub mod secondary;
pub mod stream;
pub mod table;
pub mod upcast;
