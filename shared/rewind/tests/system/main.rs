//! The whole-service kit: facts and commands in, rows, events and actions out,
//! and a clock.

mod chains;
mod faults;
mod guide;
mod library;
mod member;
mod random;
mod rebuilds;
mod snapshots;
mod story;
