//! A link of the chain of a stream's reversals.

use rewind::{RecordedEvent, reversal::LastReversal};

/// What a commit tells of the reversals up to a version.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The reversals in the commit itself, up to that version.
    pub reversals: Vec<RecordedEvent>,
    /// The last reversal up to `before`.
    pub earlier: LastReversal,
    /// What lies behind this version is told by `reversals`.
    pub before: u64,
}
