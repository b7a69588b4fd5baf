//! Credentials by name: of Secrets Manager, of Parameter Store, or of a file on
//! a laptop. None of them is logged or shown.

mod aws;
mod cache;
mod credentials;
mod file;
mod secret;

pub use credentials::Credentials;
pub(super) use secret::Secret;
