//! Progress on standard error. Nothing is shown if it is no terminal.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// Returns a bar for a known number of things, with rate and time left.
pub fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style = "  {msg:<12} [{bar:30}] {pos}/{len} {per_sec} {eta} left";
    let bar = ProgressBar::new(length).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Returns a counter for an unknown number of things, with the rate.
pub fn spinner(what: &'static str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(what);
    if let Ok(style) = ProgressStyle::with_template("  {spinner} {pos} {msg}, {per_sec}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(200));
    spinner
}

/// Returns a bar for a share in per mille, with a message beside it.
pub fn share(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::new(1000).with_prefix(what);
    if let Ok(style) = ProgressStyle::with_template("  {prefix:<12} [{bar:30}] {percent}% {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
