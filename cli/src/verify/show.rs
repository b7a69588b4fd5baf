//! What an audit prints: violations as they are found, then the counts.
//! Neither form keeps the violations, of which there may be any number.

use crate::progress;
use indicatif::ProgressBar;
use rewind_aws::{
    Error,
    audit::{Counts, Violation, Watch},
};
use serde_json::json;

/// For people: a line a violation, below a progress bar.
pub struct Lines(ProgressBar);

impl Lines {
    /// Shows a bar.
    pub fn new() -> Self {
        Self(progress::bar("looking", 0))
    }

    /// Takes the bar away.
    pub fn close(self) {
        self.0.finish_and_clear();
    }
}

impl Watch for Lines {
    fn violation(&mut self, violation: &Violation) {
        self.0.suspend(|| println!("{violation}"));
    }

    fn progress(&mut self, what: &'static str, done: u64, of: u64) {
        self.0.set_message(what);
        self.0.set_length(of);
        self.0.set_position(done);
    }
}

/// For machines: one JSON object, written as it comes.
pub struct Object {
    violations: u64,
}

impl Object {
    /// Opens the object and its list of violations.
    pub fn open() -> Self {
        print!("{{\"violations\":[");
        Self { violations: 0 }
    }

    /// Ends the object with the counts, or with why there are none.
    pub fn close(self, outcome: &Result<Counts, Error>) {
        match outcome {
            Ok(counts) => {
                let clean = counts.is_clean();
                println!("],\"clean\":{clean},\"counts\":{}}}", json!(counts));
            }
            Err(error) => {
                let reason = json!(error.to_string());
                println!("],\"clean\":false,\"error\":{reason}}}");
            }
        }
    }
}

impl Watch for Object {
    fn violation(&mut self, violation: &Violation) {
        let comma = if self.violations > 0 { "," } else { "" };
        print!("{comma}{}", json!(violation));
        self.violations += 1;
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

/// Prints the counts and the verdict.
pub fn counts(counts: &Counts) {
    let rows = [
        ("streams", counts.streams),
        ("commits", counts.commits),
        ("events", counts.events),
        ("claims", counts.claims),
        ("claims without an event", counts.orphan_claims),
        ("entries of the index", counts.index_entries),
        ("rows", counts.rows),
        ("marks", counts.marks),
        ("lagging (reader, stream)s", counts.lagging),
        ("stalled (reader, stream)s", counts.stalled),
        ("reports of stalls", counts.stall_reports),
        ("other items", counts.other_items),
    ];
    for (what, count) in rows {
        println!("  {what:<27} {count:>12}");
    }
    if counts.unsettled > 0 {
        let unsettled = counts.unsettled;
        println!(
            "  {unsettled} rows were written whenever they were looked at: verify again in a quieter moment"
        );
    }
    if counts.is_clean() {
        println!("No violation.");
        return;
    }
    let total: u64 = counts.violations.values().sum();
    println!("{total} violations:");
    for (kind, count) in &counts.violations {
        println!("  {kind:<27} {count:>12}");
    }
}
