//! The whole local system: started in order, and stopped in the opposite order.
//!
//! The room knows every other room, and wires them. No other room knows it.

mod running;
mod start;
mod streams;

pub use running::System;
