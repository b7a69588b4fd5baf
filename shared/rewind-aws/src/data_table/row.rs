//! A row or checkpoint, and the item that it is stored as.

use super::{key::Key, telling::Telling};
use crate::{
    Error,
    aws::item::{Item, number, string},
};
use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

/// The most bytes that a row's state may take. An item's limit is 400 KB.
pub const MAX_ROW_BYTES: usize = 380_000;

/// A state as it comes back from the data store: DynamoDB has one kind of
/// number, so that 1.0 comes back as 1.
pub(crate) fn stored_form(state: Value) -> Value {
    let stored: Result<AttributeValue, _> = serde_dynamo::to_attribute_value(&state);
    let read = stored.and_then(serde_dynamo::from_attribute_value);
    read.unwrap_or(state)
}

/// A row or a checkpoint as stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row {
    /// What the projection made of the events; a deleted row and most
    /// checkpoints have none.
    pub state: Option<Value>,
    /// Up to which version it holds its stream; 0 for rows of many streams.
    pub watermark: u64,
    /// How often it was written; what a writer must have seen.
    pub revision: u64,
    /// Why the event behind the watermark is not in it.
    pub stalled: Option<String>,
    /// How it stands to the feed of its changes.
    pub telling: Telling,
    /// The value of its projection's secondary key.
    pub secondary: Option<String>,
}

/// What a conditional write found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It is written.
    Done,
    /// Somebody else has written since it was read.
    Stale,
}

/// Nobody has written since the revision that was read.
pub(super) const CONDITION: &str = "#r = :seen OR (:seen = :none AND attribute_not_exists(pk))";

/// As [`CONDITION`], of a row that was there.
pub(super) const UNCHANGED: &str = "#r = :seen";

/// The attribute of the feed of changes.
const TELLING: &str = "feed";

/// The attribute of the secondary key: the generation, and the value behind `#`.
pub(super) const SECONDARY: &str = "secondary";

/// What stands in [`SECONDARY`] of a row of a generation with this value.
pub(super) fn secondary_of(generation: &str, value: &str) -> String {
    format!("{generation}#{value}")
}

/// The generation whose rows lie in a partition.
fn generation_of(pk: &str) -> &str {
    pk.rsplit_once('#').map_or(pk, |(generation, _)| generation)
}

/// The attributes that not each row has, and whether this one has them.
pub(super) fn optional(row: &Row) -> [(&'static str, bool); 5] {
    [
        ("state", row.state.is_some()),
        ("watermark", row.watermark > 0),
        ("stalled", row.stalled.is_some()),
        (TELLING, row.telling != Telling::Nobody),
        (SECONDARY, row.secondary.is_some()),
    ]
}

/// What is stored of a row beside its key.
pub(super) fn attributes_of(
    key: &Key,
    row: &Row,
    revision: u64,
) -> Result<Vec<(&'static str, AttributeValue)>, Error> {
    let number = |number: u64| AttributeValue::N(number.to_string());
    let mut attributes = vec![("revision", number(revision))];
    if let Some(state) = &row.state {
        let state = serde_dynamo::to_attribute_value(state);
        let state: AttributeValue = state.map_err(|error| Error::Rejected {
            operation: "writing a row",
            reason: error.to_string(),
        })?;
        attributes.push(("state", state));
    }
    if row.watermark > 0 {
        attributes.push(("watermark", number(row.watermark)));
    }
    if let Some(reason) = &row.stalled {
        attributes.push(("stalled", AttributeValue::S(reason.clone())));
    }
    if let Some(telling) = row.telling.attribute()? {
        attributes.push((TELLING, telling));
    }
    if let Some(value) = &row.secondary {
        let value = secondary_of(generation_of(&key.pk), value);
        attributes.push((SECONDARY, AttributeValue::S(value)));
    }
    Ok(attributes)
}

/// A row as an item.
pub(super) fn item_of(key: &Key, row: &Row, revision: u64) -> Result<Item, Error> {
    let mut item = key.item();
    let attributes = attributes_of(key, row, revision)?.into_iter();
    item.extend(attributes.map(|(name, value)| (name.to_string(), value)));
    Ok(item)
}

/// A stored item as a row with its key.
///
/// # Errors
///
/// When an attribute is not what Rewind writes.
pub fn row(mut item: Item) -> Result<(Key, Row), Error> {
    let key = Key {
        pk: string(&item, "pk")?.to_string(),
        sk: string(&item, "sk")?.to_string(),
    };
    let optional = |name: &str| match item.contains_key(name) {
        true => number(&item, name),
        false => Ok(0),
    };
    let (watermark, revision) = (optional("watermark")?, optional("revision")?);
    let stalled = item.get("stalled").and_then(|value| value.as_s().ok());
    let stalled = stalled.cloned();
    let state = match item.remove("state") {
        Some(state) => Some(
            serde_dynamo::from_attribute_value(state)
                .map_err(|error| Error::damaged(format!("row {}/{}", key.pk, key.sk), error))?,
        ),
        None => None,
    };
    let telling = match item.remove(TELLING) {
        Some(telling) => serde_dynamo::from_attribute_value(telling)
            .map_err(|error| Error::damaged(format!("row {}/{}", key.pk, key.sk), error))?,
        None => Telling::Nobody,
    };
    let secondary = match item.contains_key(SECONDARY) {
        true => {
            let value = string(&item, SECONDARY)?;
            let value = value.strip_prefix(&secondary_of(generation_of(&key.pk), ""));
            let foreign = || Error::Damaged {
                what: format!("row {}/{}", key.pk, key.sk),
                reason: format!("`{SECONDARY}` is of another generation"),
            };
            Some(value.ok_or_else(foreign)?.to_string())
        }
        false => None,
    };
    let row = Row {
        state,
        watermark,
        revision,
        stalled,
        telling,
        secondary,
    };
    Ok((key, row))
}
