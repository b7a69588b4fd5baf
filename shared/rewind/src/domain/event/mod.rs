//! Events as a team writes them: one enum for each category.

pub mod category;
pub(crate) mod codec;
pub mod declaration;
pub mod envelope;
pub mod readers;
mod schema;
#[cfg(test)]
mod tests;
