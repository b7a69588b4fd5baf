//! What becomes of a command.

use crate::Error;
use rewind::{RecordedEvent, Rejection, StreamName, command::Refusal};

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is accepted, and these events stand for it.
    Applied(Vec<RecordedEvent>),
    /// The aggregate has refused it.
    Rejected(Refusal),
    /// A stream does not stand where it was expected. This is no outcome: the
    /// same command may be sent again with another version.
    NotThere {
        /// The stream.
        stream: StreamName,
        /// The version that its last event was expected to have.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// Its key belongs to another command.
    KeyReused,
    /// Its outcome is claimed by an import, which has not brought it yet.
    OnTheWay,
}

/// Why a command has no answer. Nothing is recorded for it, or that is not
/// known, and the same key finds it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A service did not do its part.
    #[error(transparent)]
    Aws(#[from] Error),
    /// An event of the aggregate's stream cannot be folded.
    #[error("{stream}@{version} cannot be folded: {why}")]
    Poisoned {
        /// The stream.
        stream: StreamName,
        /// The event.
        version: u64,
        /// Why.
        why: Rejection,
    },
    /// The decision cannot be recorded, or the aggregate has panicked.
    #[error("the decision cannot be recorded: {0}")]
    Broken(Rejection),
}
