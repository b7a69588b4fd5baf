//! Problems of requests and of failures.

use crate::Error;
use rewind::Problem;

/// The most bytes of a problem's detail, and of the field that it names: both
/// may repeat what a client has sent.
const MAX_DETAIL: usize = 2_000;
const MAX_FIELD: usize = 200;

/// A problem that is not larger for what a client has sent.
pub fn clipped(problem: &Problem) -> Problem {
    let mut clipped = problem.clone();
    clip(&mut clipped.detail, MAX_DETAIL);
    if let Some(field) = &mut clipped.field {
        clip(field, MAX_FIELD);
    }
    clipped
}

/// The problem of a failure: 503 where another try can help, 500 where it
/// cannot. What failed is for the log, not for the client.
pub fn failed(error: &Error) -> Problem {
    match error {
        Error::Service { .. } | Error::Contended { .. } => {
            Problem::unavailable("nothing is lost by trying again")
        }
        Error::Rejected { .. } => Problem::new(
            500,
            "rejected",
            "a service refuses what was asked of it, and trying again does not help: the function's log says what",
        ),
        Error::Damaged { .. } | Error::Environment(_) => Problem::new(
            500,
            "damaged",
            "what is stored cannot be read, and trying again does not help: the function's log says what",
        ),
    }
}

/// Nothing stands where a part of the path, or a parameter, points to: 404.
pub fn missing(field: &str, detail: impl Into<String>) -> Problem {
    let mut problem = Problem::not_found(detail);
    problem.field = Some(field.to_string());
    problem
}

/// A parameter that does not fit: 400.
pub fn bad_parameter(name: &str, why: impl Into<String>) -> Problem {
    let mut problem = Problem::new(400, "invalid-parameter", why);
    problem.field = Some(name.to_string());
    problem
}

/// Cuts a text that is too long, at a character.
fn clip(text: &mut String, most: usize) {
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most));
        text.push('…');
    }
}
