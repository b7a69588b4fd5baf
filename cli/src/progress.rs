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

/// Returns a bar for the bytes of a file, with the time left.
pub fn bytes(what: &'static str, length: u64) -> ProgressBar {
    let style = "  {prefix:<12} [{bar:30}] {bytes}/{total_bytes} {eta} left {msg}";
    let bar = ProgressBar::new(length).with_prefix(what);
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Draws a share from 0 to 1 as text.
pub fn drawn(share: f64) -> String {
    const WIDTH: usize = 20;
    let share = share.clamp(0.0, 1.0);
    let full = (share * WIDTH as f64).floor() as usize;
    let head = if full < WIDTH { ">" } else { "" };
    let bar = format!("{}{head}", "=".repeat(full));
    format!("[{bar:<WIDTH$}] {:>3.0}%", (share * 100.0).floor())
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
