//! Names that belong to Rewind: sources, categories, types and attributes that
//! nobody outside may use.

use super::event::CloudEvent;

/// The extension attribute that holds an event's schema version, a whole
/// number. An event without it has version 1.
pub const SCHEMA_VERSION: &str = "schemaversion";

/// The event type under which a raw input is recorded.
pub const INPUT_RECEIVED: &str = "input-received";

/// The categories of raw inputs begin with this; the source's name follows.
pub const INPUT_CATEGORY: &str = "input:";

/// The extension attribute that counts the adapters and rules between an event
/// and the event from outside that started the chain. An event from outside
/// does not have it; its depth is 0.
pub const CAUSATION_DEPTH: &str = "causationdepth";

/// The deepest causal chain: a rule that feeds itself has to come to an end.
pub const MAX_CAUSATION_DEPTH: u64 = 16;

/// The extension attribute of an event that was imported: it happened elsewhere,
/// or before, so nothing that follows from it at once reaches the outside.
pub const IMPORTED: &str = "imported";

/// Whether an event was imported, or follows from one that was.
pub fn is_imported(event: &CloudEvent) -> bool {
    event.extensions.get(IMPORTED) == Some(&true.into())
}

/// The type of a reversal.
pub const REVERSED: &str = "reversed";

/// The source of all reversals. Nothing else may come from below `/rewind/`.
pub const REVERSAL_SOURCE: &str = "/rewind/reversal";

/// Whether a source is Rewind's own.
pub fn is_reserved(source: &str) -> bool {
    source == "/rewind" || source.starts_with("/rewind/")
}

/// Whether only Rewind records events of this category: its own reports, raw
/// inputs, journals of processes, logs of gateways, and changes of rows.
pub fn is_reserved_category(category: &str) -> bool {
    let begins = [
        "rewind:",
        INPUT_CATEGORY,
        PROCESS_CATEGORY,
        GATEWAY_CATEGORY,
        CHANGES_CATEGORY,
    ];
    category == "rewind" || begins.iter().any(|begin| category.starts_with(begin))
}

/// The categories of changes of rows begin with this; the entity's name
/// follows. A domain may declare their events, to read them.
pub const CHANGES_CATEGORY: &str = "changes:";

/// The sources of changes of rows begin with this; the name of the projection
/// follows.
pub const FEED_SOURCE: &str = "/rewind/feed/";

/// The category of commands' own streams: what is to be decided later, and the
/// outcomes that no aggregate's stream holds.
pub const COMMAND_CATEGORY: &str = "rewind:command";

/// The category of unique values: each is a stream, taken and released by
/// events.
pub const UNIQUE_CATEGORY: &str = "rewind:unique";

/// The source of what is decided about commands that have a key of their own.
pub const COMMAND_SOURCE: &str = "/rewind/command";

/// The source of commands that wait to be decided. Their ids are keys, which
/// others choose: under another source they are nobody else's.
pub const RECEIVED_SOURCE: &str = "/rewind/command/received";

/// The source of what is decided about commands without a key.
pub const UNKEYED_SOURCE: &str = "/rewind/command/unkeyed";

/// The type of a command that waits to be decided.
pub const COMMAND_RECEIVED: &str = "command-received";

/// The type of an outcome: the aggregate has refused.
pub const COMMAND_REJECTED: &str = "command-rejected";

/// The type of an outcome: accepted, and nothing had to happen in the stream of
/// the aggregate.
pub const COMMAND_ACCEPTED: &str = "command-accepted";

/// A unique value is taken.
pub const VALUE_CLAIMED: &str = "value-claimed";

/// A unique value is free again.
pub const VALUE_RELEASED: &str = "value-released";

/// The extension attribute that names the command that an event was decided
/// for.
pub const COMMAND_ID: &str = "commandid";

/// The categories of journals of processes begin with this; the process's name
/// follows.
pub const PROCESS_CATEGORY: &str = "process:";

/// A process has taken an event, which is the data.
pub const EVENT_TAKEN: &str = "event-taken";

/// An event that a process had taken was reversed.
pub const EVENT_TAKEN_BACK: &str = "event-taken-back";

/// And the reversal was reversed.
pub const EVENT_RESTORED: &str = "event-restored";

/// A process gives a command.
pub const COMMAND_ISSUED: &str = "command-issued";

/// A process emits an event.
pub const EVENT_EMITTED: &str = "event-emitted";

/// A process sets a deadline.
pub const DEADLINE_SET: &str = "deadline-set";

/// A process cancels a deadline.
pub const DEADLINE_CANCELLED: &str = "deadline-cancelled";

/// A deadline of a process was reached.
pub const DEADLINE_REACHED: &str = "deadline-reached";

/// The sources of all that processes record begin with this; the name of the
/// process follows.
pub const PROCESS_SOURCE: &str = "/rewind/process/";

/// A process calls a gateway.
pub const CALL_ISSUED: &str = "call-issued";

/// A process would have called a gateway, and may not: in a replay, for example.
pub const CALL_WITHHELD: &str = "call-withheld";

/// The categories of logs of gateways begin with this; the gateway's name
/// follows.
pub const GATEWAY_CATEGORY: &str = "gateway:";

/// The sources of all that is recorded about calls begin with this; the name of
/// the gateway follows.
pub const GATEWAY_SOURCE: &str = "/rewind/gateway/";

/// A call is asked for: the data is the action.
pub const CALL_REQUESTED: &str = "call-requested";

/// A call that was made is to be corrected, or taken back.
pub const CORRECTION_REQUESTED: &str = "correction-requested";

/// A request goes out now.
pub const CALL_SENT: &str = "call-sent";

/// The outside has answered.
pub const CALL_ANSWERED: &str = "call-answered";

/// A call is given up.
pub const CALL_FAILED: &str = "call-failed";

/// A call that was given up is tried again.
pub const CALL_RETRIED: &str = "call-retried";
