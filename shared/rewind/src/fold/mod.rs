//! A team's code at work: the registered forms of projections, reactions and
//! aggregates, their types taken away, and their panics caught.
//!
//! This room knows how to call the domain. It does not know where events come
//! from, nor where rows go.

pub mod aggregate;
mod panics;
pub mod projection;
pub mod reaction;
pub mod upcasters;
