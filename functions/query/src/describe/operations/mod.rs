//! What is said of each route beside its parameters: what it is for, what it
//! takes, and what it answers.

mod query;
mod stream;
mod writing;

pub(super) use query::query;
pub(super) use writing::writing;
