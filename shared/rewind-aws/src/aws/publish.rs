//! Publishing: runs of events become records, the records are put in order, and
//! each run is told how many of its events Kinesis holds.

use crate::aws::producer::{Outgoing, Stream};
use rewind::delivery::Packed;

/// Events that share a partition key, in order, packed into records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Run {
    key: String,
    records: Vec<Record>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Record {
    data: Vec<u8>,
    holds: usize,
}

/// What Kinesis holds of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Published {
    /// How many of its events, from the first on.
    pub held: usize,
    /// Why not the others; `None` when Kinesis holds all.
    pub refused: Option<String>,
}

impl Run {
    /// A run of one stream's events.
    pub fn new(key: impl Into<String>, packed: impl IntoIterator<Item = Packed>) -> Self {
        let records = packed.into_iter().map(|packed| Record {
            data: packed.text.into_bytes(),
            holds: packed.events,
        });
        Self {
            key: key.into(),
            records: records.collect(),
        }
    }

    /// A run of records, each of which counts as one.
    pub fn of_records(key: impl Into<String>, records: Vec<Vec<u8>>) -> Self {
        let records = records.into_iter().map(|data| Record { data, holds: 1 });
        Self {
            key: key.into(),
            records: records.collect(),
        }
    }

    /// How many records it takes.
    pub fn records(&self) -> usize {
        self.records.len()
    }
}

impl Stream {
    /// Publishes runs, those of one key in the order in which they come, and
    /// says of each what Kinesis holds. Kinesis holds a run from its first
    /// event on: a record that fails holds back what follows it under its key.
    pub async fn publish(&self, runs: Vec<Run>) -> Vec<Published> {
        let mut outgoing = Vec::new();
        let mut holds = Vec::new();
        for (nth, run) in runs.iter().enumerate() {
            holds.extend(run.records.iter().map(|record| (nth, record.holds)));
        }
        let mut published = vec![Published::default(); runs.len()];
        for Run { key, records } in runs {
            outgoing.extend(records.into_iter().map(|record| Outgoing {
                key: key.clone(),
                data: record.data,
            }));
        }
        let answers = self.put_in_order(&outgoing).await;
        for ((nth, holds), answer) in holds.into_iter().zip(answers) {
            let published = &mut published[nth];
            match answer {
                // `put_in_order` puts nothing behind a record that failed.
                Ok(()) => published.held += holds,
                Err(reason) => {
                    published.refused.get_or_insert(reason);
                }
            }
        }
        published
    }
}
