//! Processes: each event taken once, each deadline fired once, nothing given
//! again.

mod deadlines;
mod domain;
mod post;
mod rebuilt;
#[path = "../support/mod.rs"]
mod support;
mod units;
