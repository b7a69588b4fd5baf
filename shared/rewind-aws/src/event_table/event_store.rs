//! The events table as the other rooms use it.

pub use super::{
    claims::Claim,
    index::{After, Entry, INDEX, IndexPage},
    insert::Inserted,
    names::{BY_NAME, Counted, Named},
    streams::Page,
    table::EventStore,
    together::{MAX_TOGETHER, MAX_TOGETHER_BYTES, OutcomeClaim, Place, Together},
};
