//! Progress on standard error: where it is no terminal, nothing is drawn.

use indicatif::{ProgressBar, ProgressStyle};
use std::time::Duration;

/// A bar over so many of something, with rate and time left.
pub fn bar(what: &'static str, length: u64) -> ProgressBar {
    let style = "  {msg:<12} [{bar:30}] {pos}/{len} {per_sec} {eta} left";
    let bar = ProgressBar::new(length).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(style) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
