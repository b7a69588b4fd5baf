//! HTTP through API Gateway: requests in, JSON and problem details out.

mod answer;
mod members;
mod parameters;
mod prefer;
mod problems;
mod request;
mod route;
mod weight;

pub use answer::{Response, json, problem, problem_with, with_header};
pub use members::read;
pub use parameters::Parameters;
pub use prefer::{MAX_WAIT, Prefers, prefers};
pub use problems::{bad_parameter, clipped, failed, missing};
pub use request::{Request, body, header, header_text, json_body, path};
pub use route::Route;
pub use weight::{MAX_WEIGHT, weight};
