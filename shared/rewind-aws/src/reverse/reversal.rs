//! Reversals as the other rooms ask for them.

pub use super::{
    preview::{Depending, Preview, RowChange},
    reverser::{Accepted, Named, ReverseError, Reverser},
};
