//! What an audit says: violations as they are found, and counts.

use serde::Serialize;
use std::{collections::BTreeMap, fmt};

/// The longest text of an expectation or a finding, in characters.
const MAX_TEXT: usize = 400;

/// What kind of promise is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// An item of either table is not of a shape that Rewind writes.
    DamagedItem,
    /// A commit's events cannot be read.
    UnreadableCommit,
    /// A version of a stream is missing.
    Gap,
    /// A commit begins before the one in front of it ends.
    Overlap,
    /// A position does not rise within its stream.
    PositionBack,
    /// A commit says that another reversal is the stream's last one.
    WrongReversal,
    /// A commit says that its stream's sources have counted to elsewhere.
    WrongNumbers,
    /// A commit lies in another partition of the index than its stream does.
    WrongPartition,
    /// The index does not name a commit, or names another one.
    NotInIndex,
    /// Nothing claims an event's identity: it could be recorded again.
    Unclaimed,
    /// The claim of an event's identity is about something else.
    ClaimDiffers,
    /// A (source, id) stands in the events table more than once.
    RecordedTwice,
    /// The log of a gateway has something that was never asked for, or an answer
    /// to what was never sent.
    WrongLog,
    /// A row is not the fold of the events up to its watermark.
    RowDiffers,
    /// A row holds more events than its stream has.
    RowAhead,
    /// A checkpoint says that more events were read than the stream has.
    CheckpointAhead,
    /// Events below the checkpoints make a row that is not there.
    RowMissing,
    /// A row that no events make, or that lies where nobody looks for it.
    RowSuperfluous,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Which promise.
    pub kind: Kind,
    /// Where: a commit as `stream@version`, a row as `projection@generation/key`.
    #[serde(rename = "where")]
    pub place: String,
    /// What has to be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// What an audit saw.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Streams with events.
    pub streams: u64,
    /// Items that hold events.
    pub commits: u64,
    /// Events.
    pub events: u64,
    /// Claims of identities.
    pub claims: u64,
    /// Events whose identity is claimed for them, repeats left out.
    pub claimed_events: u64,
    /// Claims without an event: harmless, their clients gave up or died.
    pub orphan_claims: u64,
    /// Entries of the index.
    pub index_entries: u64,
    /// Rows of generations that are kept up to date.
    pub rows: u64,
    /// Marks of readers.
    pub checkpoints: u64,
    /// (reader, stream)s that have not seen all events yet.
    pub lagging: u64,
    /// (reader, stream)s whose next event is refused.
    pub stalled: u64,
    /// Reports of stalls, as `/health` shows them.
    pub stall_reports: u64,
    /// Calls of gateways, and corrections of them.
    pub calls: u64,
    /// Those that are still to be made.
    pub open_calls: u64,
    /// Rows that others wrote whenever they were looked at.
    pub unsettled: u64,
    /// Items of the data store that belong to none of these: the operator's
    /// records, and generations that are no longer kept.
    pub other_items: u64,
    /// Generations whose rows other code has made, so that they were not
    /// compared.
    pub outdated: Vec<Outdated>,
    /// How many events there are of each type that no enum declares, by
    /// `category/type`: readers pass over them.
    pub undeclared: BTreeMap<String, u64>,
    /// How many violations of each kind there are.
    pub violations: BTreeMap<Kind, u64>,
}

/// A generation whose rows another `VERSION` of the projection has made. That
/// they are not what today's code makes is no violation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outdated {
    /// Such as `carts@1`.
    pub generation: String,
    /// The version that it was begun with.
    pub made_by: u32,
    /// The version of today's code.
    pub code: u32,
    /// Whether it serves: then a rebuild is due.
    pub serves: bool,
}

/// Who is told of an audit while it runs.
pub trait Watch {
    /// A violation was found.
    fn violation(&mut self, violation: &Violation);

    /// So many of about so many items were looked at.
    fn progress(&mut self, what: &'static str, done: u64, of: u64);
}

impl Counts {
    /// Whether there is no violation.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }
}

impl Violation {
    pub(super) fn new(
        kind: Kind,
        place: impl fmt::Display,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> Self {
        Self {
            kind,
            place: place.to_string(),
            expected: clipped(expected.to_string()),
            found: clipped(found.to_string()),
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The words are serde's, so that people and machines read the same.
        self.serialize(f)
    }
}

impl fmt::Display for Outdated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            generation,
            made_by,
            code,
            serves,
        } = self;
        write!(
            f,
            "{generation} was made by version {made_by} of its projection, and the code is version {code}: its rows are not compared"
        )?;
        match serves {
            true => f.write_str(", a rebuild is due"),
            false => Ok(()),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            place,
            expected,
            found,
        } = self;
        write!(f, "{kind} {place}: expected {expected}, found {found}")
    }
}

fn clipped(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text,
    }
}

/// Counts, and passes on.
pub(super) struct Ledger<'w> {
    pub counts: Counts,
    watch: &'w mut (dyn Watch + Send),
}

impl<'w> Ledger<'w> {
    pub fn new(watch: &'w mut (dyn Watch + Send)) -> Self {
        Self {
            counts: Counts::default(),
            watch,
        }
    }

    pub fn violation(&mut self, violation: &Violation) {
        *self.counts.violations.entry(violation.kind).or_default() += 1;
        self.watch.violation(violation);
    }

    pub fn progress(&mut self, what: &'static str, done: u64, of: u64) {
        self.watch.progress(what, done, of);
    }
}
