//! The domain's "no": not a technical error.

/// Why the domain does not take an event, an input or a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// In words for whoever has to mend it.
    pub reason: String,
}

impl Refused {
    /// A refusal for this reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
        }
    }
}

impl From<crate::BadStreamName> for Refused {
    fn from(bad: crate::BadStreamName) -> Self {
        Self::new(format!("the stream's name {bad}"))
    }
}
