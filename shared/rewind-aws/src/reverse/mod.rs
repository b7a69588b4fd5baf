//! Reversals: what taking one event back would change, and doing it.
//!
//! It knows history, generations and the stream `incoming`. It records nothing
//! itself: a reversal is an event that takes the way of every event.

mod preview;
pub mod reversal;
mod reverser;
