//! Commands: decided at once, one outcome each, published whatever dies.

mod at_once;
mod bank;
mod domain;
mod keys;
mod late;
#[path = "../capacity/meter.rs"]
#[allow(dead_code, reason = "each test file uses its own part")]
mod meter;
mod moved;
mod published;
mod snapshots;
#[path = "../support/subscriber.rs"]
mod subscriber;
#[path = "../support/mod.rs"]
mod support;
mod torn;
mod unique;
