//! A playback that compares: what would adapters, rules and processes do now
//! about history, and what have they done? Nothing is sent. What differs is a
//! list, which an operator approves or not.

pub mod beside;
mod carry_out;
mod compare;
mod effects;
pub mod finding;
mod journals;
mod recorded;
mod slot;
