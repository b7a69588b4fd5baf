//! Names that belong to Rewind: sources, categories, types and attributes that
//! nobody outside may use.

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

/// The type of a reversal.
pub const REVERSED: &str = "reversed";

/// The source of all reversals. Nothing else may come from below `/rewind/`.
pub const REVERSAL_SOURCE: &str = "/rewind/reversal";

/// Whether a source is Rewind's own.
pub fn is_reserved(source: &str) -> bool {
    source == "/rewind" || source.starts_with("/rewind/")
}

/// Whether only Rewind records events of this category: its own reports, and
/// raw inputs.
pub fn is_reserved_category(category: &str) -> bool {
    category == "rewind" || category.starts_with("rewind:") || category.starts_with(INPUT_CATEGORY)
}
