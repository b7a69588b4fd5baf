//! Dead letters: batches that a trigger has given up on, which Lambda has put
//! into the bucket. S3 tells of each, and `/health` lists them until the
//! operator says that they are handled.

use super::{data_store::DataStore, record::Records};
use crate::{Error, aws::objects::Object};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

static LETTERS: Records<DeadLetter> = Records::new("rewind#dead-letters");

/// A batch that a trigger has given up on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeadLetter {
    /// The object's key in the bucket.
    pub key: String,
    /// How many bytes the object has, where S3 has said so.
    pub bytes: Option<u64>,
    /// When the object was made.
    pub time: Timestamp,
}

/// The most bytes of an object's key (S3).
const MAX_KEY: usize = 1024;

/// Keeps a dead letter. S3 may tell of an object more than once: its key is
/// the record's id, so that it counts once.
///
/// # Errors
///
/// When DynamoDB fails: S3's event has to come again.
pub async fn keep(store: &DataStore, object: Object) -> Result<(), Error> {
    let Object { key, bytes, time } = object;
    let letter = DeadLetter { key, bytes, time };
    // One that is known stays as it was first told.
    let _ = LETTERS.save(store, &letter.key, &letter, 0).await?;
    tracing::error!(key = letter.key, bytes = letter.bytes, "a dead letter");
    Ok(())
}

/// Deletes the record of a dead letter that is handled; `false` where there is
/// none. The object stays in the bucket.
///
/// # Errors
///
/// When DynamoDB fails or the record is damaged.
pub async fn handled(store: &DataStore, key: &str) -> Result<bool, Error> {
    if !is_key(key) || LETTERS.load(store, key).await?.is_none() {
        return Ok(false);
    }
    store.delete(&LETTERS.key(key)).await?;
    Ok(true)
}

/// The dead letters by their keys, behind `after`; and the key to go on behind.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn list(
    store: &DataStore,
    after: Option<&str>,
    limit: i32,
) -> Result<(Vec<DeadLetter>, Option<String>), Error> {
    let (letters, next) = LETTERS.page(store, "", after, limit).await?;
    let letters = letters.into_iter();
    let letters = letters.map(|(_, letter)| letter.value);
    Ok((letters.collect(), next))
}

/// Whether an object can have this key.
pub fn is_key(key: &str) -> bool {
    (1..=MAX_KEY).contains(&key.len())
}
