//! The domain's "no": not a technical error.

/// The longest reason: it is stored in rows, checkpoints and reports.
const MAX_REASON: usize = 2_000;

/// Why the domain does not take an event, an input or a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Rejection {
    /// In words for whoever has to mend it.
    pub reason: String,
}

impl Rejection {
    /// A rejection for this reason, of which at most 2,000 characters are kept.
    pub fn new(reason: impl Into<String>) -> Self {
        let mut reason: String = reason.into();
        if let Some((end, _)) = reason.char_indices().nth(MAX_REASON) {
            reason.truncate(end);
        }
        Self { reason }
    }
}

impl From<crate::BadStreamName> for Rejection {
    fn from(bad: crate::BadStreamName) -> Self {
        Self::new(format!("the stream's name {bad}"))
    }
}
