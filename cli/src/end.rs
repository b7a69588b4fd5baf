//! `End`: why a verb ends without success. Each end knows its exit code and
//! its message.

use rewind::Problem;
use rewind_aws::{playback::player::PlayError, reverse::reversal::ReverseError};
use serde_json::{Value, json};

const NOT_DONE: u8 = 1;
const WRONG: u8 = 2;
const OUT_OF_REACH: u8 = 3;
/// A shell reports a program that was ended by signal N as 128 + N.
const SIGNAL: u8 = 128;
const SIGPIPE: u8 = 13;

/// Why a verb ends without success.
#[derive(Debug)]
pub enum End {
    /// The verb has already printed its negative result, such as violations.
    NotDone,
    /// The call is valid, and the verb refuses to do it, for this reason.
    Refused(String),
    /// The deployment refuses the request.
    Problem(Problem),
    /// The call is wrong. A text such as `--rate: expected…` names the option.
    Wrong(String),
    /// A call to a service has failed: a prefix for the message, and the
    /// message of `rewind_aws`.
    Service(String, String),
    /// A system, a service, credentials or a file cannot be used.
    Failed(String),
    /// A signal of this number has interrupted the verb. Without a text, that is
    /// how the verb ends.
    Interrupted(u8, String),
    /// The reader of standard output has closed it.
    Closed,
}

/// How a verb ends.
pub type Outcome = Result<(), End>;

impl End {
    /// The exit code.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::NotDone | Self::Refused(_) => NOT_DONE,
            Self::Problem(problem) => match problem.status {
                // The call names something that does not exist or does not fit.
                400 | 404 | 422 => WRONG,
                400..500 => NOT_DONE,
                _ => OUT_OF_REACH,
            },
            Self::Wrong(_) => WRONG,
            Self::Service(..) | Self::Failed(_) => OUT_OF_REACH,
            Self::Interrupted(signal, _) => SIGNAL.saturating_add(*signal),
            Self::Closed => SIGNAL + SIGPIPE,
        }
    }

    /// Its problem type, the message, and the field or option that is wrong.
    /// `None` for an end that prints no message.
    pub(crate) fn message(&self) -> Option<(&str, String, Option<&str>)> {
        Some(match self {
            Self::NotDone | Self::Closed => return None,
            Self::Interrupted(_, words) if words.is_empty() => return None,
            Self::Problem(problem) => {
                let field = problem.field.as_deref().filter(|field| !field.is_empty());
                (&problem.problem_type, problem.detail.clone(), field)
            }
            Self::Refused(detail) => ("urn:rewind:problem:refused", detail.clone(), None),
            Self::Wrong(detail) => {
                let option = detail.split_once(": ");
                let option = option.filter(|(name, _)| is_option(name));
                match option {
                    Some((name, why)) => ("urn:rewind:problem:usage", why.into(), Some(name)),
                    None => ("urn:rewind:problem:usage", detail.clone(), None),
                }
            }
            Self::Service(before, text) => (
                "urn:rewind:problem:unavailable",
                format!("{before}{text}"),
                None,
            ),
            Self::Failed(detail) => ("urn:rewind:problem:unavailable", detail.clone(), None),
            Self::Interrupted(_, detail) => {
                ("urn:rewind:problem:interrupted", detail.clone(), None)
            }
        })
    }

    /// The end as problem details (RFC 9457), with the exit code as `exit`.
    pub(crate) fn problem(&self) -> Option<Value> {
        let (problem_type, detail, field) = self.message()?;
        let title = problem_type.rsplit(':').next();
        let title = title.unwrap_or(problem_type).replace('-', " ");
        let mut problem =
            json!({"type": problem_type, "title": title, "detail": detail, "exit": self.code()});
        if let Self::Problem(of) = self {
            problem["status"] = of.status.into();
        }
        if let Some(field) = field {
            problem["field"] = field.into();
        }
        Some(problem)
    }
}

fn is_option(name: &str) -> bool {
    name.starts_with("--") && !name.contains(char::is_whitespace)
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// The client of the demonstration reports its errors as text.
impl From<String> for End {
    fn from(reason: String) -> Self {
        Self::Refused(reason)
    }
}

impl From<rewind_aws::Error> for End {
    fn from(error: rewind_aws::Error) -> Self {
        Self::Service(String::new(), error.to_string())
    }
}

impl From<PlayError> for End {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::Refused(problem) => problem.into(),
            PlayError::Service(error) => error.into(),
        }
    }
}

impl From<ReverseError> for End {
    fn from(error: ReverseError) -> Self {
        match error {
            ReverseError::Refused(problem) => problem.into(),
            ReverseError::Service(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_keeps_its_status_and_its_field() {
        let end = End::from(Problem::invalid("rate", "expected at least 1"));
        let expected = json!({
            "type": "urn:rewind:problem:invalid-field", "title": "invalid field",
            "status": 422, "detail": "expected at least 1", "field": "rate", "exit": 2,
        });
        assert_eq!(end.problem(), Some(expected));
        assert_eq!(End::Closed.problem(), None);
    }
}
