//! Kinesis in memory: `ferrokinesis` behind one lock.
//!
//! The room knows streams, shards, records and consumers, and that a journal keeps what they have not finished. It does
//! not know what a record holds, nor that consumers are functions.
//!
//! Without the lock, a tailing reader misses records: the crate gives a record its sequence number before it makes the
//! record visible, so a later record can be read first. It also dead-locks under concurrent producers.
//! `tests/kinesis_race.rs` shows both.

mod ledger;
mod puts;
mod record;
mod server;
mod service;
mod shards;
mod wakes;

pub(crate) use ledger::Ledger;
pub(crate) use record::{Read, Record};
pub(crate) use server::app;
pub(crate) use service::Kinesis;
pub(crate) use shards::Shard;
