//! The output of an audit: violations as they are found, then the counts.
//! Neither form keeps the violations in memory.

use crate::{
    end::{End, Outcome},
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

/// Receives why violations cannot be printed any more. A watch cannot end an
/// audit itself.
pub type Unheard = oneshot::Receiver<End>;

/// Reports the first line that could not be printed.
struct Printed(Option<oneshot::Sender<End>>);

impl Printed {
    fn new() -> (Self, Unheard) {
        let (first, unheard) = oneshot::channel();
        (Self(Some(first)), unheard)
    }

    fn note(&mut self, outcome: Outcome) {
        if let Err(end) = outcome
            && let Some(first) = self.0.take()
        {
            // Without a receiver the audit has ended.
            let _ = first.send(end);
        }
    }
}

/// For people: a line for each violation, below a progress bar.
pub struct Lines {
    bar: ProgressBar,
    printed: Printed,
}

impl Lines {
    /// Shows a bar.
    pub fn new() -> (Self, Unheard) {
        let (printed, unheard) = Printed::new();
        let bar = progress::bar("looking", 0);
        (Self { bar, printed }, unheard)
    }

    /// Removes the bar.
    pub fn close(self) {
        self.bar.finish_and_clear();
    }
}

impl Watch for Lines {
    fn violation(&mut self, violation: &Violation) {
        let printed = self.bar.suspend(|| say!("{violation}"));
        self.printed.note(printed);
    }

    fn progress(&mut self, what: &'static str, done: u64, of: u64) {
        self.bar.set_message(what);
        self.bar.set_length(of);
        self.bar.set_position(done);
    }
}

/// For machines: one JSON object, written piece by piece.
pub struct Object {
    violations: u64,
    printed: Printed,
}

impl Object {
    /// Opens the object and its list of violations.
    pub fn open() -> Result<(Self, Unheard), End> {
        out::part(format_args!("{{\"violations\":["))?;
        let (printed, unheard) = Printed::new();
        let violations = 0;
        Ok((
            Self {
                violations,
                printed,
            },
            unheard,
        ))
    }

    /// Ends the object with the counts, or without them.
    pub fn close(self, outcome: &Result<Counts, Error>) -> Outcome {
        match outcome {
            Ok(counts) => {
                let clean = counts.is_clean();
                say!("],\"clean\":{clean},\"counts\":{}}}", json!(counts))
            }
            // The reason goes to standard error, as all problems do.
            Err(_) => say!("],\"clean\":null}}"),
        }
    }
}

impl Watch for Object {
    fn violation(&mut self, violation: &Violation) {
        let comma = if self.violations > 0 { "," } else { "" };
        let printed = out::part(format_args!("{comma}{}", json!(violation)));
        self.violations += 1;
        self.printed.note(printed);
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
        ("checkpoints", counts.checkpoints),
        ("lagging (reader, stream)s", counts.lagging),
        ("stalled (reader, stream)s", counts.stalled),
        ("reports of stalls", counts.stall_reports),
        ("calls of gateways", counts.calls),
        ("calls to be made", counts.open_calls),
        ("other items", counts.other_items),
    ];
    for (what, count) in rows {
        say!("  {what:<27} {count:>12}")?;
    }
    if counts.unsettled > 0 {
        let unsettled = counts.unsettled;
        say!(
            "  {unsettled} rows changed during each look at them: verify again when there is less load"
        )?;
    }
    for (event_type, count) in &counts.undeclared {
        say!(
            "  {count} events of the type {event_type}, which no enum declares: readers pass over them"
        )?;
    }
    for outdated in &counts.outdated {
        say!("  {outdated}")?;
    }
    if counts.is_clean() {
        return say!("No violation.");
    }
    let total: u64 = counts.violations.values().sum();
    say!("{total} violations:")?;
    for (violation, count) in &counts.violations {
        say!("  {violation:<27} {count:>12}")?;
    }
    Ok(())
}
