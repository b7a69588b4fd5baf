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
    data_table::data_store::{self, DataStore, Key, Row},
};
use jiff::Timestamp;
use rewind::Rejection;
use serde::{Deserialize, Serialize};
use serde_json::json;

const FAILING: &str = "rewind#failing";
const REACHED: &str = "rewind#reached";

/// What a function says of its shards.
#[derive(Debug)]
pub struct Shards {
    function: &'static str,
    store: DataStore,
}

/// A shard that does not go on: its next batch fails again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
        let key = self.key(FAILING, shard);
        let rows = self.store.rows(std::slice::from_ref(&key)).await?;
        rows.into_iter().next().map(failing).transpose()
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
        let key = self.key(FAILING, shard);
        let lowest = failures.first_key_value();
        let Some((record, reason)) =
            lowest.and_then(|(place, reason)| Some((records.get(*place)?, reason)))
        else {
            return match known {
                Ok(None) => Ok(()),
                Ok(Some(_)) | Err(_) => self.store.delete(&key).await,
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
        let state = serde_json::to_value(&failing);
        let state = state.map_err(|error| Error::damaged("a failing shard", error))?;
        let row = Row {
            state: Some(state),
            ..Row::default()
        };
        self.store.replace(&key, &row).await
    }

    /// Says after a batch how far its shard is done.
    pub async fn reach(&self, shard: &str, records: &[Record], failures: &Failures) {
        let done = failures.keys().next().copied().unwrap_or(records.len());
        let Some(last) = done.checked_sub(1).and_then(|last| records.get(last)) else {
            return;
        };
        let row = Row {
            state: Some(json!({ "sequence_number": last.sequence_number })),
            watermark: last.arrived,
            ..Row::default()
        };
        let key = self.key(REACHED, shard);
        if let Err(error) = self.store.advance(&key, &row).await {
            tracing::warn!(shard, %error, "not said how far the shard is done");
        }
    }

    fn key(&self, partition: &str, shard: &str) -> Key {
        Key {
            pk: partition.into(),
            sk: format!("{} {shard}", self.function),
        }
    }
}

/// All shards that do not go on.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn failing_ones(store: &DataStore) -> Result<Vec<Failing>, Error> {
    all(store, FAILING, "", failing).await
}

/// How far a function has come in each shard that it has read of.
///
/// # Errors
///
/// When DynamoDB fails or a record is damaged.
pub async fn reached(store: &DataStore, function: &str) -> Result<Vec<Reached>, Error> {
    let prefix = format!("{function} ");
    let reached = |(key, row): (Key, Row)| {
        let state = row.state.unwrap_or_default();
        let sequence_number = state["sequence_number"].as_str();
        let shard = key.sk.strip_prefix(&prefix);
        let both = shard.zip(sequence_number);
        let (shard, sequence_number) =
            both.ok_or_else(|| Error::damaged(&key.sk, "it names no record"))?;
        Ok(Reached {
            shard: shard.to_string(),
            sequence_number: sequence_number.to_string(),
        })
    };
    all(store, REACHED, &prefix, reached).await
}

async fn all<T>(
    store: &DataStore,
    partition: &str,
    prefix: &str,
    read: impl Fn((Key, Row)) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let (mut all, mut after) = (Vec::new(), None::<String>);
    loop {
        let (items, next) = store.list(partition, prefix, after.as_deref(), 500).await?;
        for item in items {
            all.push(read(data_store::row(item)?)?);
        }
        match next {
            Some(next) => after = Some(next),
            None => return Ok(all),
        }
    }
}

fn failing((key, row): (Key, Row)) -> Result<Failing, Error> {
    let state = row.state.unwrap_or_default();
    serde_json::from_value(state).map_err(|error| Error::damaged(key.sk, error))
}
