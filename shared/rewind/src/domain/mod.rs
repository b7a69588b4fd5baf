//! What a team implements: events, projections, reactions, aggregates,
//! upcasters.
//!
//! This room knows the forms in which events are recorded. It does not know who
//! calls a team's code: that is `fold`.

pub mod aggregate;
pub mod categories;
pub mod decision;
pub mod event;
pub mod new_event;
pub mod projection;
pub mod reaction;
pub mod rejection;
pub mod stream;
pub mod upcast;
