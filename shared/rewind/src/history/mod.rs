//! Rules of a stream: what a delivery brings that is new, what a reversal takes
//! back, which events a selection takes.
//!
//! This room knows recorded events and their versions. It reads and writes
//! nothing.

pub mod reversal;
pub mod selection;
pub mod watermark;
