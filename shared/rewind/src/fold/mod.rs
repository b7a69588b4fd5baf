//! A team's code at work: the registered forms of projections, reactions,
//! processes, aggregates and gateways, their types taken away, and their panics caught.
//!
//! This room knows how to call the domain. It does not know where events come
//! from, nor where rows go.

pub mod aggregate;
pub mod feed;
pub mod gateway;
pub(crate) mod known;
pub mod mode;
mod panics;
pub mod process;
pub mod projection;
pub mod reaction;
pub mod secondary;
pub mod state;
pub mod table;
pub mod upcasters;
