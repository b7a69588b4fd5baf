//! The output of the demonstration.

use super::votes::Count;
use crate::{end::Outcome, out::say};
use indicatif::{ProgressBar, ProgressStyle};
use std::{collections::BTreeSet, fmt::Display, time::Duration};

/// Returns a progress bar for a number of events, with rate and time left. It
/// shows nothing if the output is no terminal.
pub fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style = "  {msg:<22} [{bar:30}] {pos}/{len} {per_sec} {eta} left";
    let bar = ProgressBar::new(length).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// Prints the results of the poll's projections, side by side.
pub fn results(counts: &[(&str, Count)]) -> Outcome {
    let names = counts.iter().map(|(name, _)| (*name).to_string());
    say!("{}", row("", names))?;
    let choices: BTreeSet<&String> = counts.iter().flat_map(|(_, count)| count.keys()).collect();
    for choice in choices {
        let votes = counts.iter().map(|(_, count)| count.get(choice));
        let votes = votes.map(|votes| votes.copied().unwrap_or_default());
        say!("{}", row(choice, votes))?;
    }
    let totals = counts.iter().map(|(_, count)| count.values().sum::<u64>());
    say!("{}", row("total", totals))
}

fn row(first: &str, cells: impl Iterator<Item = impl Display>) -> String {
    let cells: Vec<String> = cells.map(|cell| format!("{cell:>18}")).collect();
    format!("  {first:<12}{}", cells.concat())
}
