//! The options that select a part of history.

use crate::end::End;
use clap::Args as ClapArgs;
use rewind::{
    Problem, Selection, StreamName,
    selection::{Times, Versions, micros},
};
use rewind_aws::aws::clock::now;

/// An event is selected if it meets all given options. Without options, all
/// events are selected.
#[derive(ClapArgs, Debug, Default)]
// Without this, its group has the same name as that of the verbs' arguments.
#[group(skip)]
pub struct Args {
    /// Only streams of this category; may be given several times.
    #[arg(long = "category", value_name = "CATEGORY")]
    categories: Vec<String>,
    /// Only this stream; may be given several times.
    #[arg(long = "stream", value_name = "STREAM")]
    streams: Vec<StreamName>,
    /// Only these versions of each stream, both included. Either end may be
    /// omitted.
    #[arg(long, value_name = "FROM..TO", value_parser = versions)]
    versions: Option<Versions>,
    /// Only the first N versions of each stream, as `--versions ..N`.
    #[arg(long, value_name = "N", conflicts_with = "versions")]
    first: Option<u64>,
    /// Only events of this type, as they were recorded, and their reversals.
    /// `reversed` selects the reversals of all events. May be given several
    /// times.
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only events that were recorded at this time or later, RFC 3339.
    #[arg(long, value_name = "TIME")]
    recorded_from: Option<String>,
    /// Only events that were recorded before this time, RFC 3339.
    #[arg(long, value_name = "TIME")]
    recorded_to: Option<String>,
    /// Only events that happened at this time or later, RFC 3339.
    #[arg(long, value_name = "TIME")]
    occurred_from: Option<String>,
    /// Only events that happened before this time, RFC 3339.
    #[arg(long, value_name = "TIME")]
    occurred_to: Option<String>,
    /// Only events of this correlation id.
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
    /// Of the selected events, only the first N in recorded order.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

impl Args {
    /// Returns the selection, checked.
    ///
    /// # Errors
    ///
    /// When an option is wrong. The message names it.
    pub fn selection(&self) -> Result<Selection, End> {
        self.checked().map_err(End::Wrong)
    }

    fn checked(&self) -> Result<Selection, String> {
        let first = self.first.map(|first| Versions {
            from: None,
            to: Some(first),
        });
        let selection = Selection {
            categories: self.categories.clone(),
            streams: self.streams.clone(),
            versions: self.versions.or(first),
            types: self.types.clone(),
            recorded: times(
                ("--recorded-from", &self.recorded_from),
                ("--recorded-to", &self.recorded_to),
            )?,
            occurred: times(
                ("--occurred-from", &self.occurred_from),
                ("--occurred-to", &self.occurred_to),
            )?,
            correlation: self.correlation.clone(),
            count: self.count,
            last: None,
        };
        let checked = selection.check("selection", micros(now()));
        checked.map_err(|problem| self.explained(&problem))?;
        Ok(selection)
    }

    fn explained(&self, problem: &Problem) -> String {
        let field = problem.field.as_deref().unwrap_or_default();
        let field = field.trim_start_matches("selection.");
        // The message itself tells which of several values is wrong.
        let flag = match field.split('[').next().unwrap_or_default() {
            "versions" if self.first.is_some() => "first".into(),
            "categories" => "category".into(),
            "streams" => "stream".into(),
            "types" => "type".into(),
            other => other.replace('.', "-"),
        };
        format!("--{flag}: {}", problem.detail)
    }
}

type Flag<'a> = (&'a str, &'a Option<String>);

fn times(from: Flag<'_>, to: Flag<'_>) -> Result<Option<Times>, String> {
    let time = |(flag, text): Flag<'_>| {
        let time = text.as_deref().map(str::parse).transpose();
        time.map_err(|_| format!("{flag}: expected RFC 3339, such as 2023-04-19T09:00:00Z"))
    };
    let times = Times {
        from: time(from)?,
        to: time(to)?,
    };
    Ok(Some(times).filter(|times| times.from.is_some() || times.to.is_some()))
}

fn versions(text: &str) -> Result<Versions, String> {
    let wrong = || "expected FROM..TO, such as 1..100, 5.. or ..100".to_string();
    let (from, to) = text.split_once("..").ok_or_else(wrong)?;
    let end = |text: &str| match text.trim() {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| wrong()),
    };
    let (from, to) = (end(from)?, end(to)?);
    if from.is_none() && to.is_none() {
        return Err(wrong());
    }
    Ok(Versions { from, to })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        selection: Args,
    }

    fn said(flags: &[&str]) -> Result<Selection, String> {
        let all = std::iter::once(&"rewind").chain(flags);
        let cli = Cli::try_parse_from(all).map_err(|error| error.to_string())?;
        cli.selection.checked()
    }

    #[test]
    fn every_part_of_a_selection_has_an_option() {
        assert!(said(&[]).unwrap().is_everything());
        let flags = [
            "--category=poll",
            "--category=cart",
            "--stream=poll-1",
            "--versions=2..",
            "--type=vote-cast",
            "--recorded-from=2023-04-19T09:00:00Z",
            "--occurred-to=2023-04-19T09:00:00Z",
            "--correlation=c",
            "--count=5",
        ];
        let expected = serde_json::json!({
            "categories": ["poll", "cart"], "streams": ["poll-1"], "versions": {"from": 2},
            "types": ["vote-cast"], "recorded": {"from": "2023-04-19T09:00:00Z"},
            "occurred": {"to": "2023-04-19T09:00:00Z"}, "correlation": "c", "count": 5,
        });
        assert_eq!(serde_json::json!(said(&flags).unwrap()), expected);
        assert_eq!(said(&["--first=3"]), said(&["--versions=..3"]));
    }

    #[test]
    fn what_selects_nothing_is_refused_with_the_flag() {
        for (flags, flag) in [
            (&["--versions=3..2"] as &[&str], "--versions: "),
            (&["--versions=3"], "FROM..TO"),
            (&["--versions=.."], "FROM..TO"),
            (&["--first=0"], "--first: "),
            (&["--count=0"], "--count: "),
            (&["--stream=poll"], "--stream"),
            (&["--category=cart", "--stream=poll-1"], "--stream: "),
            (&["--recorded-from=today"], "--recorded-from: "),
            (&["--recorded-to=9000-01-01T00:00:00Z"], "--recorded-to: "),
        ] {
            let refused = said(flags).unwrap_err();
            assert!(refused.contains(flag), "{flags:?}: {refused}");
        }
    }
}
