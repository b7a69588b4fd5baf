//! How a row stands to the feed of its changes, as it is stored with the row.
//!
//! Each key of a projection is told of by one row only, mostly that of the
//! generation that serves. That row knows what was told last: itself, or an
//! image that it keeps.

use crate::Error;
use aws_sdk_dynamodb::types::AttributeValue;
use rewind::Cause;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// How a row stands to the feed of its changes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telling {
    /// It does not tell, and nobody has said yet who does.
    #[default]
    Nobody,
    /// It tells. What was told last is the row as it is.
    Told,
    /// It tells. What was told last is another image.
    Behind(Image),
    /// It tells. The last write has changed it, and that may not be published.
    Change(Change),
    /// It does not tell: it has handed that over to the row of this generation.
    Elsewhere(u64),
}

/// A row as it was told; without `row`, there was none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Image {
    /// The row's state. That may be `null`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "whatever"
    )]
    pub row: Option<Value>,
}

/// A change that the row's last write has made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The id of its event. It is made with the write, so that whoever tells
    /// the change names it alike, and no other change has it, not even after
    /// the data store was wiped and revisions begin again.
    pub id: String,
    /// The row before.
    pub old: Image,
    /// What it follows from.
    pub cause: Cause,
}

impl Telling {
    /// Whether this row tells what becomes of its key.
    pub fn tells(&self) -> bool {
        match self {
            Self::Told | Self::Behind(_) | Self::Change(_) => true,
            Self::Nobody | Self::Elsewhere(_) => false,
        }
    }

    /// The same, where all changes so far are published.
    #[must_use]
    pub fn published(self) -> Self {
        match self {
            Self::Change(_) => Self::Told,
            other => other,
        }
    }

    /// As an attribute of an item; `None` where there is nothing to store.
    pub(super) fn attribute(&self) -> Result<Option<AttributeValue>, Error> {
        if *self == Self::Nobody {
            return Ok(None);
        }
        let attribute = serde_dynamo::to_attribute_value(self);
        attribute.map(Some).map_err(|error| Error::Rejected {
            operation: "writing a row",
            reason: error.to_string(),
        })
    }
}

/// A value that is there, be it `null`.
fn whatever<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_stored_is_read() {
        let cause = Cause {
            time: "2023-04-19T09:00:00Z".into(),
            correlation: "c".into(),
            causation: Some("count-1@2".into()),
            depth: 1,
        };
        let change = |row| {
            Telling::Change(Change {
                id: "a".into(),
                old: Image { row },
                cause: cause.clone(),
            })
        };
        let image = |row| Telling::Behind(Image { row });
        assert_eq!(Telling::Nobody.attribute().unwrap(), None);
        for telling in [
            Telling::Told,
            Telling::Elsewhere(2),
            image(None),
            image(Some(json!(null))),
            image(Some(json!({"a": [1, ""]}))),
            change(None),
            change(Some(json!(7))),
        ] {
            let stored = telling.attribute().unwrap().unwrap();
            let read: Telling = serde_dynamo::from_attribute_value(stored).unwrap();
            assert_eq!(read, telling);
        }
    }
}
