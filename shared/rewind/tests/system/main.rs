//! The whole-service kit: facts and commands in, rows, events and actions out,
//! and a clock.

mod faults;
mod library;
mod member;
mod rebuilds;
mod story;
