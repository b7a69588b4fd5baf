//! What a Kinesis trigger hands over, and what it wants back.

use rewind::{Delivery, Replay, delivery::Unreadable, kpl::user_records};
use serde::Serialize;
use std::collections::BTreeMap;

/// A record of a batch.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its place in the shard: what a failure is reported under.
    pub sequence_number: String,
    /// When Kinesis took it, in milliseconds since 1970.
    pub arrived: u64,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// What of a batch has to come again: places of its records, with the reason.
pub type Failures = BTreeMap<usize, String>;

/// The answer to a trigger with `ReportBatchItemFailures`: from the lowest
/// failed record on, the shard is delivered again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchAnswer {
    /// Empty where all went well.
    pub batch_item_failures: Vec<ItemFailure>,
}

/// A record that has to be delivered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ItemFailure {
    /// Its sequence number.
    pub item_identifier: String,
}

/// How many records of a batch come again: the lowest failed one and all behind
/// it.
pub fn comes_again(records: &[Record], failures: &Failures) -> usize {
    let lowest = failures.keys().next();
    lowest.map_or(0, |place| records.len().saturating_sub(*place))
}

/// How old the oldest of these records is at `now`, in milliseconds since 1970.
pub fn age(records: &[Record], now: i64) -> Option<u64> {
    let oldest = records.iter().map(|record| record.arrived).min()?;
    Some(now.max(0).unsigned_abs().saturating_sub(oldest))
}

/// Reports the lowest failed record, where there is one.
pub fn answer(records: &[Record], failures: &Failures) -> BatchAnswer {
    let lowest = failures.keys().next();
    let lowest = lowest.and_then(|place| records.get(*place));
    let failures = lowest.map(|record| ItemFailure {
        item_identifier: record.sequence_number.clone(),
    });
    BatchAnswer {
        batch_item_failures: failures.into_iter().collect(),
    }
}

/// The deliveries that records hold, as [`deliveries`] gives them, without those of
/// replays that the reader does not want.
pub fn deliveries_if(records: &[Record], is_wanted: fn(&Replay) -> bool) -> Vec<(usize, Delivery)> {
    read(records, |record| Delivery::decode_if(record, is_wanted))
}

/// The deliveries that records hold, aggregated or not, each with the place of
/// its record. What holds none is reported and passed over: the events table
/// has what it may have held, and the next delivery of the stream reads it from
/// there.
pub fn deliveries(records: &[Record]) -> Vec<(usize, Delivery)> {
    read(records, |record| Delivery::decode(record).map(Some))
}

fn read(
    records: &[Record],
    decode: impl Fn(&[u8]) -> Result<Option<Delivery>, Unreadable>,
) -> Vec<(usize, Delivery)> {
    let mut deliveries = Vec::with_capacity(records.len());
    for (place, record) in records.iter().enumerate() {
        for user_record in user_records(&record.data) {
            match decode(&user_record) {
                Ok(Some(delivery)) => deliveries.push((place, delivery)),
                Ok(None) => {}
                Err(error) => {
                    let sequence_number = &record.sequence_number;
                    tracing::error!(sequence_number, %error, "a record holds no delivery");
                }
            }
        }
    }
    deliveries
}
