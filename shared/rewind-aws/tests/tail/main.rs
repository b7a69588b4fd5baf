//! The tail: nothing is missed and nothing comes twice, whoever is slow.

#[path = "../support/mod.rs"]
mod support;

mod slow;
mod traced;
