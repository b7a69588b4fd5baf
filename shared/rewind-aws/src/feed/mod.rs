//! The feed of changes: what becomes of the rows of chosen projections is told
//! as events, once each and in the order of the row's writes.
//!
//! A change stands in the row's item, in the write that makes it, until it is
//! published. So it is told if and only if the row was written. Whoever finds a
//! row with a change publishes it, before the row is written again, and pump
//! records it once.
//!
//! This room knows rows, and the streams of the events table that tell of them.
//! It does not know which generation serves, nor how rows are folded.

pub(crate) mod hand_over;
pub(crate) mod next;
pub mod teller;
