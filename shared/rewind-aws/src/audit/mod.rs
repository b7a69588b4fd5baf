//! Looks from the outside: the checks of `rewind verify` and `rewind check`, and for `/health` and
//! its metrics how far each reader is behind, what waits for pump, and which incidents begin and end.
//!
//! It knows both tables and the folds of the domain. It must not write.

mod claims;
mod filter;
pub mod health;
pub mod incidents;
mod index;
pub mod lag;
mod ledgers;
mod leftovers;
mod line;
mod look;
mod one_stream;
mod pages;
mod parts;
mod readers;
pub mod report;
pub mod run;
pub mod sample;
mod shared_rows;
mod standing;
mod state;
mod sums;
mod suspects;
mod tally;
pub mod waiting;
mod walk;
