//! `rewind schemas`, `openapi` and `asyncapi`: print what `GET /schemas`,
//! `/openapi.json` and `/asyncapi.json` answer. They read the program's own
//! domain and no deployment.

use crate::{domain::Domain, end::Outcome, out::say};
use query::describe;

/// Prints the schemas as JSON.
pub fn run(domain: Domain) -> Outcome {
    let schemas = domain().schemas();
    say!("{schemas:#}")
}

/// Prints the OpenAPI document of the HTTP API.
pub fn openapi(domain: Domain) -> Outcome {
    let document = describe::openapi(&domain());
    say!("{document:#}")
}

/// Prints the AsyncAPI document of the Kinesis streams.
pub fn asyncapi(domain: Domain) -> Outcome {
    let document = describe::asyncapi(&domain());
    say!("{document:#}")
}
