//! `rewind schemas`: prints the JSON Schema of every event type, as
//! `GET /schemas` answers it. It reads the program's own domain and no deployment.

use crate::{domain::Domain, end::Outcome, out::say};

/// Prints the schemas as JSON.
pub fn run(domain: Domain) -> Outcome {
    let schemas = domain().schemas();
    say!("{schemas:#}")
}
