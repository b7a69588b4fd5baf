//! The SDK's clients, built once per process: of a function from the
//! environment, of an operator from options.

mod clients;
mod connection;
mod figures;
mod operator;
mod outside;
mod stack;

pub use clients::{Clients, Identity};
pub use figures::{Figure, Wanted};
pub use operator::{Access, Endpoints};
pub use stack::Stack;
