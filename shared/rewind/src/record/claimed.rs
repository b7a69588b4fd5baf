//! Which claim stands for an event.

use super::{
    command::Command,
    event::{CloudEvent, identity},
    reserved::{
        CALL_ANSWERED, CALL_FAILED, CALL_RETRIED, CALL_SENT, COMMAND_ID, COMMAND_SOURCE,
        GATEWAY_CATEGORY, GATEWAY_SOURCE, PROCESS_CATEGORY, PROCESS_SOURCE, UNKEYED_SOURCE,
    },
};

/// The claim that stands for an event where it was recorded first. An import
/// records it again elsewhere, as pump records all: under a claim of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// One of its own: pump has recorded it.
    ByItself,
    /// One for all that was recorded in a transaction: its identity is that of
    /// the first event.
    Together {
        /// What is claimed.
        identity: String,
        /// Whether the event is the first of them.
        is_first: bool,
    },
    /// None: it was decided for a command without a key, which nobody can repeat,
    /// or it says what became of a call, where only one event can say so.
    Not,
}

impl CloudEvent {
    /// The claim that stands for it where it was recorded first.
    pub fn claimed(&self) -> Claimed {
        let source = self.source.as_str();
        match (source, self.extension(COMMAND_ID)) {
            (UNKEYED_SOURCE, _) => Claimed::Not,
            _ if source.starts_with(GATEWAY_SOURCE)
                && matches!(
                    &*self.event_type,
                    CALL_SENT | CALL_ANSWERED | CALL_FAILED | CALL_RETRIED
                )
                && self.stream.category().starts_with(GATEWAY_CATEGORY) =>
            {
                Claimed::Not
            }
            (COMMAND_SOURCE, Some(id)) => Claimed::Together {
                identity: Command::outcome_identity(id),
                is_first: self.id.strip_prefix(id) == Some("/0"),
            },
            // What a process emits into other streams comes in through pump. The
            // first event of a run has the id of what it follows from.
            _ if source.starts_with(PROCESS_SOURCE)
                && self.stream.category().starts_with(PROCESS_CATEGORY) =>
            {
                let cause = self.id.split_once('/').map(|(cause, _)| cause);
                Claimed::Together {
                    identity: identity(source, cause.unwrap_or(&self.id)),
                    is_first: cause.is_none(),
                }
            }
            _ => Claimed::ByItself,
        }
    }
}
