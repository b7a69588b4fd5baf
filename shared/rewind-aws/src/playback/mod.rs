//! Playbacks: send history through the replay stream again, build generations
//! and let readers see them.
//!
//! It knows history, generations and the stream `replay`. It must not fold an
//! event or write a row, and must not know who reads the replay stream.
//!
//! What a playback has sent is saved after each page that Kinesis has
//! acknowledged: one that dies goes on behind it. `Player` and `Playing` have
//! an `impl` in the file of each step, so that each step can be read alone.

mod abandon;
mod caught_up;
mod count;
pub mod create;
mod deployments;
pub mod difference;
pub mod failing;
mod operate;
pub mod operations;
mod pace;
mod play;
pub mod player;
mod playing;
mod prepare;
pub mod progress;
pub mod record;
mod recover;
mod replay;
pub mod request;
mod send;
pub mod sending;
pub mod shown;
pub mod state;
