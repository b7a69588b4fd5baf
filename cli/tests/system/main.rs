//! The whole system: real HTTP, real function processes, real protocols.

#[path = "../../src/client.rs"]
#[allow(dead_code, reason = "the tests use a part of it")]
mod client;
mod crashes;
mod full_disk;
mod history;
mod operator;
mod path;
mod problems;
mod readme;
mod replays;
mod samples;
mod support;
mod template;
mod verbs;
