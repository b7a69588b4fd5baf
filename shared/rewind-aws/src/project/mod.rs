//! Projections: folds recorded events into rows, of one stream or of many.
//!
//! It knows the events table, generations and their rows. It must not know
//! playbacks: a replayed event takes the same path as a live one.

mod apart;
pub mod difference;
mod feed;
pub(crate) mod many_streams;
mod one_stream;
pub mod projector;
mod row_fold;
mod shared_write;
mod stream_run;
mod tally;
pub(crate) mod told;
