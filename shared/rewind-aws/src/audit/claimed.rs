//! Which claim stands for an event.

use rewind::{
    RecordedEvent,
    command::Command,
    event::identity,
    reserved::{COMMAND_ID, COMMAND_RECEIVED, COMMAND_SOURCE, PROCESS_SOURCE, UNKEYED_SOURCE},
};

/// The claim that stands for an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Claimed {
    /// One of its own.
    ByItself(String),
    /// One for all that was recorded in a transaction.
    Together {
        /// What is claimed.
        identity: String,
        /// Whether the event is the first of them.
        is_first: bool,
    },
    /// None: nobody can repeat it.
    Not,
}

/// The claim that stands for an event.
pub(super) fn of(event: &RecordedEvent) -> Claimed {
    let event = &event.event;
    let together = |identity: String| Claimed::Together {
        identity,
        is_first: event.id.ends_with("/0"),
    };
    let source = event.source.as_str();
    match (source, event.extension(COMMAND_ID)) {
        (UNKEYED_SOURCE, _) => Claimed::Not,
        (COMMAND_SOURCE, Some(id)) if event.event_type != COMMAND_RECEIVED => {
            together(Command::outcome_identity(id))
        }
        // The first of a run has the id of what it follows from.
        _ if source.starts_with(PROCESS_SOURCE) => match event.id.split_once('/') {
            Some((cause, _)) => Claimed::Together {
                identity: identity(source, cause),
                is_first: false,
            },
            None => Claimed::Together {
                identity: event.identity(),
                is_first: true,
            },
        },
        _ => Claimed::ByItself(event.identity()),
    }
}
