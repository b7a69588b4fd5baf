//! What a function says of the shards that it reads: which batch fails, and
//! how far it has come. `/health` tells it.
//!
//! A shard's batches come one after the other, so that one record a shard is
//! enough. What cannot be said is logged: it never makes a batch fail.

use crate::{
    Error,
    aws::{
        batch::{Failures, Record},
        clock::now,
    },
    data_table::{
        data_store::DataStore,
        record::{self, Records},
        row::Row,
    },
};
use jiff::Timestamp;
use rewind::Rejection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

static FAILING: Records<Failing> = Records::new("rewind#failing");
static REACHED: Records<Last> = Records::new("rewind#reached");

/// What a function says of its shards.
#[derive(Debug)]
pub struct Shards {
    function: &'static str,
    store: DataStore,
}

/// A shard that does not go on: its next batch fails again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FailingShard")]
pub struct Failing {
    /// The function.
    pub function: String,
    /// The shard that it reads, with its stream.
    pub shard: String,
    /// The record that fails.
    pub sequence_number: String,
    /// Since when it does.
    pub since: Timestamp,
    /// Why, when it was tried last.
    pub reason: String,
}

/// The last record of a shard that is done, as it is stored.
#[derive(Debug, Serialize, Deserialize)]
struct Last {
    sequence_number: String,
}

/// How far a function has come in a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// The shard, with its stream.
    pub shard: String,
    /// The last record that is done.
    pub sequence_number: String,
}

impl Shards {
    /// The shards that `function` reads.
    pub fn new(function: &'static str, store: DataStore) -> Self {
        Self { function, store }
    }

    /// What was said before of a shard: to be asked while its batch is worked
    /// on, and handed to [`Shards::tell`].
    ///
    /// # Errors
    ///
    /// When DynamoDB fails or the record is damaged.
    pub async fn known(&self, shard: &str) -> Result<Option<Failing>, Error> {
        // pump may use BatchGetItem only.
        let key = FAILING.key(&self.id(shard));
        let rows = self.store.rows(std::slice::from_ref(&key)).await?;
        let known = rows.into_iter().next();
        let known = known.map(|(key, row)| record::read(&key, row));
        Ok(known.transpose()?.map(|record| record.value))
    }

    /// Says after a batch whether its shard goes on.
    pub async fn tell(
        &self,
        shard: &str,
        records: &[Record],
        failures: &Failures,
        known: Result<Option<Failing>, Error>,
    ) {
        if let Err(error) = self.try_tell(shard, records, failures, known).await {
            tracing::warn!(shard, %error, "not said whether the shard goes on");
        }
    }

    async fn try_tell(
        &self,
        shard: &str,
        records: &[Record],
        failures: &Failures,
        known: Result<Option<Failing>, Error>,
    ) -> Result<(), Error> {
        let id = self.id(shard);
        let lowest = failures.first_key_value();
        let Some((record, reason)) =
            lowest.and_then(|(place, reason)| Some((records.get(*place)?, reason)))
        else {
            return match known {
                Ok(None) => Ok(()),
                Ok(Some(_)) | Err(_) => self.store.delete(&FAILING.key(&id)).await,
            };
        };
        let known = known.ok().flatten();
        let before = known.filter(|known| known.sequence_number == record.sequence_number);
        let failing = Failing {
            function: self.function.to_string(),
            shard: shard.to_string(),
            sequence_number: record.sequence_number.clone(),
            since: before.as_ref().map_or_else(now, |before| before.since),
            reason: crate::data_table::stall::reason(&Rejection::new(reason.clone())),
        };
        if before.as_ref() == Some(&failing) {
            return Ok(());
        }
        let row = FAILING.row(&id, &failing)?;
        self.store.replace(&FAILING.key(&id), &row).await
    }

    /// Says after a batch how far its shard is done.
    pub async fn reach(&self, shard: &str, records: &[Record], failures: &Failures) {
        let done = failures.keys().next().copied().unwrap_or(records.len());
        let Some(last) = done.checked_sub(1).and_then(|last| records.get(last)) else {
            return;
        };
        let (id, arrived) = (self.id(shard), last.arrived);
        let last = Last {
            sequence_number: last.sequence_number.clone(),
        };
        let advanced = async {
            let row = Row {
                watermark: arrived,
                ..REACHED.row(&id, &last)?
            };
            self.store.advance(&REACHED.key(&id), &row).await
        };
        if let Err(error) = advanced.await {
            tracing::warn!(shard, %error, "not said how far the shard is done");
        }
    }

    /// Under which id the function's records of a shard lie.
    fn id(&self, shard: &str) -> String {
        format!("{} {shard}", self.function)
    }
}

/// All shards that do not go on.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn failing_ones(store: &DataStore) -> Result<Vec<Failing>, Error> {
    let failing = FAILING.all(store, "").await?.into_iter();
    Ok(failing.map(|(_, record)| record.value).collect())
}

/// How far a function has come in each shard that it has read of.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn reached(store: &DataStore, function: &str) -> Result<Vec<Reached>, Error> {
    let prefix = format!("{function} ");
    let records = REACHED.all(store, &prefix).await?.into_iter();
    let reached = records.map(|(id, record)| Reached {
        shard: id[prefix.len()..].to_string(),
        sequence_number: record.value.sequence_number,
    });
    Ok(reached.collect())
}
