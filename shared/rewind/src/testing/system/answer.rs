//! What becomes of a command.

use crate::{RecordedEvent, StreamName, command::Refusal};

/// What became of a command, as `POST /commands` answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is accepted, and these events stand for it, those of other streams of
    /// the category included.
    Applied(Vec<RecordedEvent>),
    /// The aggregate refuses it.
    Rejected(Refusal),
    /// A stream does not have the version that was expected. Nothing is
    /// recorded.
    VersionMismatch {
        /// The stream.
        stream: StreamName,
        /// The version that its last event was expected to have.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// The key belongs to another command.
    KeyReused,
}
