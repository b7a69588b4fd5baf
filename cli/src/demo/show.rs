//! What the demonstration prints.

use super::votes::Count;
use indicatif::{ProgressBar, ProgressStyle};
use std::{collections::BTreeSet, time::Duration};

/// A progress bar over so many events, with rate and time left. Where the
/// output is no terminal, nothing is drawn.
pub fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style = "  {msg:<22} [{bar:30}] {pos}/{len} {per_sec} {eta} left";
    let bar = ProgressBar::new(length).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// The results of the poll's projections, side by side.
pub fn results(counts: &[(&str, Count)]) {
    print!("  {:<12}", "");
    for (name, _) in counts {
        print!("{name:>18}");
    }
    println!();
    let choices: BTreeSet<&String> = counts.iter().flat_map(|(_, count)| count.keys()).collect();
    for choice in choices {
        print!("  {choice:<12}");
        for (_, count) in counts {
            let votes = count.get(choice).copied().unwrap_or_default();
            print!("{votes:>18}");
        }
        println!();
    }
    print!("  {:<12}", "total");
    for (_, count) in counts {
        print!("{:>18}", count.values().sum::<u64>());
    }
    println!();
}
