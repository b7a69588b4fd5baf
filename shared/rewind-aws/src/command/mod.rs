//! Commands: loads an aggregate, decides, records what follows right behind the
//! head of its stream, and publishes it.
//!
//! It knows both tables and the stream `events`. It must not know rows, nor who
//! asks.

mod answer;
mod assemble;
pub mod commands;
mod load;
mod outcome;
mod unique;
