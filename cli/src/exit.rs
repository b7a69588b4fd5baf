//! How the program ends: one table of exit codes for all verbs, and what is
//! said where something was not done.

use crate::{deployment, out::note};
use rewind::Problem;
use rewind_aws::{playback::player::PlayError, reverse::reversal::ReverseError};
use serde_json::{Value, json};
use std::process::ExitCode;

/// The exit codes, and when each is given. `--help` and the README show it.
pub const TABLE: [(&str, &str); 6] = [
    ("0", "done"),
    (
        "1",
        "not done: refused, not equal, violations found, still stalled, a playback that has not come to a good end",
    ),
    (
        "2",
        "called wrongly: an unknown option or name, a value that does not fit, nobody there to be asked",
    ),
    (
        "3",
        "out of reach: no system, no credentials, a service that fails, a file that cannot be read or written",
    ),
    (
        "130, 143",
        "interrupted by Ctrl-C or a request to terminate; a playback goes on",
    ),
    ("141", "whoever reads the output has gone"),
];

const NOT_DONE: u8 = 1;
const WRONG: u8 = 2;
const OUT_OF_REACH: u8 = 3;
/// What a shell says of a program that a signal has ended is 128 and more.
const SIGNAL: u8 = 128;
const SIGPIPE: u8 = 13;

/// Why the program ends without having done what it was asked for.
#[derive(Debug)]
pub enum End {
    /// It has looked, and has said what it found: not what was hoped for.
    NotDone,
    /// Nothing is wrong with the call, and it is not done.
    Refused(String),
    /// The other side refuses it, and names the field where it is one.
    Problem(Problem),
    /// It was called wrongly: with which option, as in `--rate: expected…`,
    /// where it is one.
    Wrong(String),
    /// A call to a service has failed: in the words of `rewind_aws`, behind
    /// those that say where.
    Service(String, String),
    /// What it needs is not there, or does not do its part.
    Failed(String),
    /// A signal of this number has ended it.
    Interrupted(u8, String),
    /// Nobody reads what it says.
    Closed,
}

/// How a verb ends.
pub type Outcome = Result<(), End>;

impl End {
    /// A failed call as a sentence about the deployment.
    pub fn at(self, deployment: &deployment::Args) -> Self {
        match self {
            Self::Service(before, text) => deployment.explained(&before, &text),
            end => end,
        }
    }

    /// The exit code.
    fn code(&self) -> u8 {
        match self {
            Self::NotDone | Self::Refused(_) => NOT_DONE,
            Self::Problem(problem) => match problem.status {
                // Something that the call names is not there, or does not fit.
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

    /// What kind of end it is, what is to be said about it, and about which
    /// field.
    fn said(&self) -> Option<(&str, String, Option<&str>)> {
        Some(match self {
            Self::NotDone | Self::Closed => return None,
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

    /// As problem details (RFC 9457), with the exit code beside them.
    fn problem(&self) -> Option<Value> {
        let (kind, detail, field) = self.said()?;
        let title = kind.rsplit(':').next().unwrap_or(kind).replace('-', " ");
        let mut problem =
            json!({"type": kind, "title": title, "detail": detail, "exit": self.code()});
        if let Self::Problem(of) = self {
            problem["status"] = of.status.into();
        }
        if let Some(field) = field {
            problem["field"] = field.into();
        }
        Some(problem)
    }
}

/// Says why something was not done, on standard error: in words, or as one
/// line of JSON. Gives the exit code.
pub fn code(outcome: Outcome, as_json: bool) -> ExitCode {
    let Err(end) = outcome else {
        return ExitCode::SUCCESS;
    };
    if as_json {
        if let Some(problem) = end.problem() {
            note!("{problem}");
        }
    } else if let Some((_, detail, field)) = end.said() {
        let field = field.map_or(String::new(), |field| format!("{field}: "));
        note!("rewind: {field}{detail}");
    }
    ExitCode::from(end.code())
}

fn is_option(name: &str) -> bool {
    name.starts_with("--") && !name.contains(char::is_whitespace)
}

/// The table, as `--help` shows it.
pub fn help() -> String {
    let rows = TABLE.map(|(code, when)| format!("  {code:<9} {when}\n"));
    format!("Exit codes:\n{}", rows.concat().trim_end())
}

impl From<Problem> for End {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// What a client of the demonstration has to say: its numbers are not there.
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
    fn every_end_has_its_code_in_the_table_and_the_readme_shows_it() {
        let ends = [
            End::NotDone,
            End::Refused(String::new()),
            End::Problem(Problem::new(409, "not-now", "")),
            End::Problem(Problem::not_found("")),
            End::Problem(Problem::unavailable("")),
            End::Wrong(String::new()),
            End::Service(String::new(), String::new()),
            End::Failed(String::new()),
            End::Interrupted(2, String::new()),
            End::Interrupted(15, String::new()),
            End::Closed,
        ];
        let codes: Vec<&str> = TABLE
            .iter()
            .flat_map(|(codes, _)| codes.split(", "))
            .collect();
        for end in ends {
            let code = end.code().to_string();
            assert!(codes.contains(&code.as_str()), "{end:?} ends with {code}");
        }
        let readme = include_str!("../../README.md");
        for (code, when) in TABLE {
            let row = format!("| {code} | {when} |");
            assert!(readme.contains(&row), "README.md lacks: {row}");
        }
    }

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
