//! The whole-service kit: facts and commands in, rows, events and actions out,
//! and a clock.

mod chains;
mod commands;
mod faults;
mod given;
mod guide;
mod library;
mod member;
mod random;
mod rebuilds;
mod snapshots;
mod stalls;
mod story;
