//! Reactions: runs adapters and rules on recorded events and sends what they
//! emit to `incoming`.
//!
//! It knows the events table and the reactions' checkpoints. It must not know
//! rows, and reacts to no replay.

pub mod reactor;
