//! Names that belong to Rewind: sources, categories, types and attributes that
//! nobody outside may use.

use crate::{CloudEvent, Rejection};
use serde_json::Value;

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

/// Whether a source is Rewind's own.
pub fn is_reserved(source: &str) -> bool {
    source == "/rewind" || source.starts_with("/rewind/")
}

/// Whether only Rewind records events of this category: its own reports, and
/// raw inputs.
pub fn is_reserved_category(category: &str) -> bool {
    category == "rewind" || category.starts_with("rewind:") || category.starts_with(INPUT_CATEGORY)
}

/// How many adapters and rules, one after the other, an event came of. An event
/// from outside has no say in it.
pub fn causation_depth(event: &CloudEvent) -> u64 {
    match event.extensions.get(CAUSATION_DEPTH) {
        Some(depth) if is_reserved(&event.source) => depth.as_u64().unwrap_or_default(),
        _ => 0,
    }
}

/// The schema version that an event was recorded with.
///
/// # Errors
///
/// When the attribute is neither a whole number nor the text of one.
pub fn schema_version(event: &CloudEvent) -> Result<u32, Rejection> {
    let Some(value) = event.extensions.get(SCHEMA_VERSION) else {
        return Ok(1);
    };
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    };
    number.ok_or_else(|| Rejection::new(format!("`{SCHEMA_VERSION}` expected a whole number")))
}
