//! PutRecords that keeps the order of each partition key.
//!
//! PutRecords itself keeps none when some of its records fail. So no record of
//! a key is sent before the one in front of it is acknowledged.

use crate::{Error, aws::retry};
use aws_sdk_kinesis::{Client, primitives::Blob, types::PutRecordsRequestEntry};
use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The most records in one PutRecords call (AWS documentation).
const MAX_CALL_RECORDS: usize = 500;

/// The most bytes in one call. AWS takes 10 MiB; some compatible services 5.
const MAX_CALL_BYTES: usize = 4_500_000;

/// A record to be put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Its partition key: what keeps its order.
    pub key: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A Kinesis stream to put records on.
#[derive(Debug, Clone)]
pub struct Stream {
    client: Client,
    name: String,
    refused: Arc<AtomicU64>,
}

impl Stream {
    /// The stream of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Self {
            client,
            name: name.into(),
            refused: Arc::default(),
        }
    }

    /// The stream's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// How often Kinesis has not taken a record at once, such as when it
    /// throttles: who sends much asks whether it rises.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Puts records, in order for each key, and says of each, by its place in
    /// `records`, whether Kinesis holds it. What fails holds back what follows
    /// it under its key.
    pub async fn put_in_order(&self, records: &[Outgoing]) -> Vec<Result<(), String>> {
        let mut outcomes: Vec<Result<(), String>> =
            vec![Err("not sent".to_string()); records.len()];
        let mut queues: HashMap<&str, VecDeque<usize>> = HashMap::new();
        let mut keys: VecDeque<&str> = VecDeque::new();
        for (place, record) in records.iter().enumerate() {
            let queue = queues.entry(&record.key).or_insert_with(|| {
                keys.push_back(&record.key);
                VecDeque::new()
            });
            queue.push_back(place);
        }
        let mut attempt = 0;
        while !keys.is_empty() {
            let call = next_call(&mut keys, &queues, records);
            let answers = self.put(&call, records).await;
            let mut failed_keys = Vec::new();
            let mut progress = false;
            for (place, answer) in call.into_iter().zip(answers) {
                let key = records[place].key.as_str();
                let Some(queue) = queues.get_mut(key) else {
                    continue;
                };
                match answer {
                    Ok(()) => {
                        progress = true;
                        outcomes[place] = Ok(());
                        queue.pop_front();
                        if !queue.is_empty() {
                            keys.push_back(key);
                        }
                    }
                    Err(reason) => {
                        for waiting in queue.iter() {
                            outcomes[*waiting] = Err(reason.clone());
                        }
                        failed_keys.push(key);
                    }
                }
            }
            self.refused
                .fetch_add(failed_keys.len() as u64, Ordering::Relaxed);
            if failed_keys.is_empty() {
                attempt = 0;
                continue;
            }
            attempt = if progress { attempt } else { attempt + 1 };
            if attempt >= retry::ATTEMPTS {
                // Nothing has gone through for a while: the rest stays unsent.
                break;
            }
            // Before the keys that have not had their turn: they are the oldest.
            failed_keys
                .into_iter()
                .rev()
                .for_each(|key| keys.push_front(key));
            retry::wait(attempt.max(1)).await;
        }
        outcomes
    }

    async fn put(&self, call: &[usize], records: &[Outgoing]) -> Vec<Result<(), String>> {
        let entries = call.iter().map(|place| {
            let record = &records[*place];
            PutRecordsRequestEntry::builder()
                .partition_key(&record.key)
                .data(Blob::new(record.data.as_slice()))
                .build()
                .map_err(Error::service("PutRecords"))
        });
        let answer = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => {
                let request = self.client.put_records().stream_name(&self.name);
                let request = request.set_records(Some(entries)).send().await;
                request.map_err(Error::service("PutRecords"))
            }
            Err(error) => Err(error),
        };
        match answer {
            Ok(answer) if answer.records().len() == call.len() => {
                let records = answer.records().iter();
                records
                    .map(
                        |record| match (record.sequence_number(), record.error_code()) {
                            (Some(_), None) => Ok(()),
                            (_, code) => Err(format!(
                                "{}: {}",
                                code.unwrap_or("unacknowledged"),
                                record.error_message().unwrap_or("no sequence number")
                            )),
                        },
                    )
                    .collect()
            }
            Ok(answer) => {
                let answered = answer.records().len();
                let reason = format!("PutRecords answered {answered} of {} records", call.len());
                vec![Err(reason); call.len()]
            }
            Err(error) => vec![Err(error.to_string()); call.len()],
        }
    }
}

/// Takes keys whose first records fit into one call.
fn next_call(
    keys: &mut VecDeque<&str>,
    queues: &HashMap<&str, VecDeque<usize>>,
    records: &[Outgoing],
) -> Vec<usize> {
    let mut call = Vec::new();
    let mut bytes = 0;
    while let Some(key) = keys.front() {
        let Some(place) = queues.get(key).and_then(VecDeque::front) else {
            keys.pop_front();
            continue;
        };
        bytes += records[*place].data.len() + key.len();
        let is_full = call.len() == MAX_CALL_RECORDS || bytes > MAX_CALL_BYTES;
        if is_full && !call.is_empty() {
            break;
        }
        call.push(*place);
        keys.pop_front();
    }
    call
}
