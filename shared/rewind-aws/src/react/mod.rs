//! Listeners: runs adapters and rules on recorded events, decides about commands
//! that wait, and sends what is emitted to `incoming`.
//!
//! It knows the events table and the reactions' checkpoints. It must not know
//! rows, and reacts to no replay.

pub mod reactor;
mod settle;
mod turn;
mod work;
