//! Calls of gateways: a call is recorded, sent, and its answer is recorded.
//!
//! It knows the events table, the list of calls that wait, and the transports.
//! It must not know what follows from an answer. It is the only room that sends
//! anything outside: a replay and a comparison have no transport.

pub mod due;
mod intent;
pub mod ledger;
pub mod live;
pub mod log;
pub mod overdue;
pub mod retry;
pub mod waiting;
