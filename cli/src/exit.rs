//! The exit codes of all verbs, and how the program reports its end.

pub use crate::end::{End, Outcome};

use crate::out::note;
use std::process::ExitCode;

/// The exit codes, and when each is given. `--help` and the README show it.
pub const TABLE: [(&str, &str); 6] = [
    ("0", "done"),
    (
        "1",
        "not done: refused, not equal, violations found, rows that differ, still stalled, a system that is not ok, a playback that did not complete",
    ),
    (
        "2",
        "called wrongly: an unknown option or name, a value that does not fit, a question that nobody can answer",
    ),
    (
        "3",
        "out of reach: no system, no credentials, a service that fails, a file that cannot be read or written",
    ),
    (
        "130, 143",
        "interrupted by Ctrl-C or a request to terminate; a playback goes on",
    ),
    ("141", "the reader of the output is gone"),
];

/// Prints why a verb ends without success on standard error: as text, or as
/// one line of JSON. Returns the exit code.
pub fn code(outcome: Outcome, as_json: bool) -> ExitCode {
    let Err(end) = outcome else {
        return ExitCode::SUCCESS;
    };
    if as_json {
        if let Some(problem) = end.problem() {
            note!("{problem}");
        }
    } else if let Some((_, detail, field)) = end.message() {
        let field = field.map_or(String::new(), |field| format!("{field}: "));
        note!("rewind: {field}{detail}");
    }
    ExitCode::from(end.code())
}

/// The table in the format of `--help`.
pub fn help() -> String {
    let rows = TABLE.map(|(code, when)| format!("  {code:<9} {when}\n"));
    format!("Exit codes:\n{}", rows.concat().trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rewind::Problem;

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
}
