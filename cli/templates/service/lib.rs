//! Your code: the domain, one concept a file, all registered in [`service`].

pub mod stock;

use rewind::Service;

/// All that this domain registers.
pub fn service() -> Service {
    Service::new().single_stream::<stock::Stock>()
}
