//! The domain that the program is built for.

use rewind::Service;

/// Returns a team's domain, with all its parts registered. Every verb works on
/// it.
pub type Domain = fn() -> Service;
