//! Generations of projections: which one serves, which one is built, what of a
//! dropped one is still to be deleted, and where two of them differ.
//!
//! It knows the records of generations and their rows. It must not know
//! playbacks, folds or the events table.

pub mod compare;
pub mod comparison;
pub mod cursor;
pub mod generations;
pub mod lifecycle;
mod reader;
pub mod sweep;
