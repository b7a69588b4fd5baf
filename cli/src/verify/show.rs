//! What an audit prints: violations as they are found, then the counts.
//! Neither form keeps the violations, of which there may be any number.

use crate::{
    exit::{End, Outcome},
    out::{self, say},
    progress,
};
use indicatif::ProgressBar;
use rewind_aws::{
    Error,
    audit::report::{Counts, Violation, Watch},
};
use serde_json::json;
use tokio::sync::oneshot;

/// Hears why violations cannot be shown any more: a watch cannot end an audit.
pub type Unheard = oneshot::Receiver<End>;

/// Tells of the first line that could not be said.
struct Said(Option<oneshot::Sender<End>>);

impl Said {
    fn new() -> (Self, Unheard) {
        let (first, unheard) = oneshot::channel();
        (Self(Some(first)), unheard)
    }

    fn note(&mut self, outcome: Outcome) {
        if let Err(end) = outcome
            && let Some(first) = self.0.take()
        {
            // Who has stopped listening has ended as well.
            let _ = first.send(end);
        }
    }
}

/// For people: a line a violation, below a progress bar.
pub struct Lines {
    bar: ProgressBar,
    said: Said,
}

impl Lines {
    /// Shows a bar.
    pub fn new() -> (Self, Unheard) {
        let (said, unheard) = Said::new();
        let bar = progress::bar("looking", 0);
        (Self { bar, said }, unheard)
    }

    /// Takes the bar away.
    pub fn close(self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Lines {
    fn violation(&mut self, violation: &Violation) {
        let said = self.bar.suspend(|| say!("{violation}"));
        self.said.note(said);
    }

    fn progress(&mut self, what: &'static str, done: u64, of: u64) {
        self.bar.set_message(what);
        self.bar.set_length(of);
        self.bar.set_position(done);
    }
}

/// For machines: one JSON object, written as it comes.
pub struct Object {
    violations: u64,
    said: Said,
}

impl Object {
    /// Opens the object and its list of violations.
    pub fn open() -> Result<(Self, Unheard), End> {
        out::part(format_args!("{{\"violations\":["))?;
        let (said, unheard) = Said::new();
        let violations = 0;
        Ok((Self { violations, said }, unheard))
    }

    /// Ends the object with the counts, or without them.
    pub fn close(self, outcome: &Result<Counts, Error>) -> Outcome {
        match outcome {
            Ok(counts) => {
                let clean = counts.is_clean();
                say!("],\"clean\":{clean},\"counts\":{}}}", json!(counts))
            }
            // Why is said where all problems are.
            Err(_) => say!("],\"clean\":null}}"),
        }
    }
}

impl Watch for Object {
    fn violation(&mut self, violation: &Violation) {
        let comma = if self.violations > 0 { "," } else { "" };
        let said = out::part(format_args!("{comma}{}", json!(violation)));
        self.violations += 1;
        self.said.note(said);
    }

    fn progress(&mut self, _: &'static str, _: u64, _: u64) {}
}

/// Prints the counts and the verdict.
pub fn counts(counts: &Counts) -> Outcome {
    let rows = [
        ("streams", counts.streams),
        ("commits", counts.commits),
        ("events", counts.events),
        ("claims", counts.claims),
        ("claims without an event", counts.orphan_claims),
        ("entries of the index", counts.index_entries),
        ("rows", counts.rows),
        ("marks", counts.checkpoints),
        ("lagging (reader, stream)s", counts.lagging),
        ("stalled (reader, stream)s", counts.stalled),
        ("reports of stalls", counts.stall_reports),
        ("other items", counts.other_items),
    ];
    for (what, count) in rows {
        say!("  {what:<27} {count:>12}")?;
    }
    if counts.unsettled > 0 {
        let unsettled = counts.unsettled;
        say!(
            "  {unsettled} rows were written whenever they were looked at: verify again in a quieter moment"
        )?;
    }
    for (event_type, count) in &counts.undeclared {
        say!("  {count} events of the type {event_type}, which no enum declares: readers pass over them")?;
    }
    for outdated in &counts.outdated {
        say!("  {outdated}")?;
    }
    if counts.is_clean() {
        return say!("No violation.");
    }
    let total: u64 = counts.violations.values().sum();
    say!("{total} violations:")?;
    for (kind, count) in &counts.violations {
        say!("  {kind:<27} {count:>12}")?;
    }
    Ok(())
}
