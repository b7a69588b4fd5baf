//! One record in a journal: a line of JSON.

use std::borrow::Cow;
use std::io;

use serde::{Deserialize, Serialize};

/// A record with everything that a second put of it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry<'a> {
    /// The shard that it was put to.
    pub shard: Cow<'a, str>,
    /// The sequence number that it got.
    pub sequence: Cow<'a, str>,
    /// Its partition key.
    pub key: Cow<'a, str>,
    /// Its explicit hash key, if it was put with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<Cow<'a, str>>,
    /// Its data in base64, as in the request.
    pub data: Cow<'a, str>,
}

impl Entry<'_> {
    /// Appends the line of this record.
    pub fn write_to(&self, lines: &mut Vec<u8>) -> io::Result<()> {
        serde_json::to_writer(&mut *lines, self)?;
        lines.push(b'\n');
        Ok(())
    }
}
