//! Playbacks: send history through the replay stream again, build generations
//! and let readers see them.
//!
//! It knows history, generations and the stream `replay`. It must not fold an
//! event or write a row, and must not know who reads the replay stream.

mod caught_up;
mod count;
pub mod create;
mod pace;
pub mod player;
mod replay;
pub mod request;
pub mod shown;
