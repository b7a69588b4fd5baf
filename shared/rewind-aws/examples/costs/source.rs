//! A stream as its triggers read it.

use crate::{
    Result,
    support::{Aws, engines},
};
use aws_sdk_kinesis::{
    Client,
    types::{Record, ShardIteratorType},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rewind_aws::aws::trigger::KinesisEvent;
use serde_json::{Value, json};

/// The most records of one batch.
const BATCH: usize = 100;

/// The most records of one read.
const PAGE: i32 = 1000;

/// A stream, read from its beginning on.
pub struct Source {
    client: Client,
    stream: String,
    shards: Vec<Shard>,
}

struct Shard {
    id: String,
    iterator: String,
}

impl Source {
    /// The stream with this name in the template.
    pub async fn open(aws: &Aws, logical_id: &str) -> Result<Self> {
        let client = Client::new(&engines::config(aws.system.kinesis_endpoint()));
        let stream = aws.system.stream(logical_id).ok_or("no such stream")?;
        let mut shards = Vec::new();
        let listed = client.list_shards().stream_name(&stream).send().await?;
        for shard in listed.shards() {
            let iterator = client.get_shard_iterator().stream_name(&stream);
            let iterator = iterator.shard_id(shard.shard_id());
            let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon);
            let iterator = iterator.send().await?.shard_iterator;
            shards.push(Shard {
                id: shard.shard_id().to_string(),
                iterator: iterator.ok_or("a shard without an iterator")?,
            });
        }
        Ok(Self {
            client,
            stream,
            shards,
        })
    }

    /// What has come since the last time, in batches. Each is of one shard.
    pub async fn batches(&mut self) -> Result<Vec<KinesisEvent>> {
        let mut batches = Vec::new();
        for shard in &mut self.shards {
            let mut records: Vec<Record> = Vec::new();
            loop {
                let page = self.client.get_records().limit(PAGE);
                let page = page.shard_iterator(&shard.iterator).send().await?;
                shard.iterator = page.next_shard_iterator.ok_or("the shard is closed")?;
                if page.records.is_empty() {
                    break;
                }
                records.extend(page.records);
            }
            for some in records.chunks(BATCH) {
                batches.push(batch(&self.stream, &shard.id, some)?);
            }
        }
        Ok(batches)
    }
}

/// Records as the trigger of a stream's shard hands them over.
fn batch(stream: &str, shard: &str, records: &[Record]) -> Result<KinesisEvent> {
    let records = records.iter().map(|record| {
        let arrived = record.approximate_arrival_timestamp;
        json!({
            "awsRegion": "us-east-1",
            "eventID": format!("{shard}:{}", record.sequence_number),
            "eventName": "aws:kinesis:record",
            "eventSource": "aws:kinesis",
            "eventSourceARN": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}"),
            "eventVersion": "1.0",
            "invokeIdentityArn": "arn:aws:iam::000000000000:role/rewind",
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record.partition_key,
                "sequenceNumber": record.sequence_number,
                "approximateArrivalTimestamp": arrived.map_or(0.0, |at| at.as_secs_f64()),
                "data": STANDARD.encode(&record.data),
            },
        })
    });
    let records: Vec<Value> = records.collect();
    Ok(serde_json::from_value(json!({ "Records": records }))?)
}
