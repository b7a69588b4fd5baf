//! The whole system: real HTTP, real function processes, real protocols.

mod alarms;
mod aws;
mod calls;
#[path = "../../src/client.rs"]
#[allow(dead_code, reason = "the tests use a part of it")]
mod client;
mod clock;
mod crashes;
mod decisions;
mod ends;
mod full_disk;
mod history;
mod metrics;
mod noted;
mod operator;
mod outside;
mod path;
mod problems;
mod quiet;
mod readme;
mod replays;
mod samples;
mod schemas;
mod seen;
mod sent;
mod stacks;
mod streamed;
mod support;
mod template;
mod trusted;
mod untold;
mod verbs;
