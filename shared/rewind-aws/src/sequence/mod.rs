//! The sequencer: gives each event the next version of its stream and records
//! it once.
//!
//! It knows the events table. It must not know the data store, projections or
//! who publishes what it has recorded.

pub mod conflict;
mod heads;
mod outcome;
pub mod raise;
pub mod sequencer;
mod stream_turn;
