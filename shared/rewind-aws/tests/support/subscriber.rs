//! A subscriber to a Kinesis stream, as anybody could write one.
#![allow(dead_code, reason = "each test file uses its own part")]

use aws_sdk_kinesis::{
    config::{BehaviorVersion, Credentials, Region},
    types::ShardIteratorType,
};
use aws_smithy_http_client::Builder;
use rewind::{Delivery, kpl::user_records};

/// Reads all shards of a stream from the beginning.
pub struct Subscriber {
    kinesis: aws_sdk_kinesis::Client,
    iterators: Vec<Option<String>>,
}

impl Subscriber {
    pub async fn new(endpoint: &str, stream: &str) -> Self {
        let config = aws_sdk_kinesis::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-east-1"))
            .http_client(Builder::new().build_http())
            .credentials_provider(Credentials::new("operator", "local", None, None, "local"))
            .endpoint_url(endpoint)
            .build();
        let kinesis = aws_sdk_kinesis::Client::from_conf(config);
        let mut iterators = Vec::new();
        let shards = kinesis.list_shards().stream_name(stream);
        for shard in shards.send().await.unwrap().shards() {
            let iterator = kinesis.get_shard_iterator().stream_name(stream);
            let iterator = iterator.shard_id(shard.shard_id());
            let iterator = iterator.shard_iterator_type(ShardIteratorType::TrimHorizon);
            iterators.push(iterator.send().await.unwrap().shard_iterator);
        }
        Self { kinesis, iterators }
    }

    /// What has come since the last time, in order of each shard.
    pub async fn next(&mut self) -> Vec<Delivery> {
        let mut deliveries = Vec::new();
        for iterator in &mut self.iterators {
            loop {
                let page = self.kinesis.get_records().limit(1000);
                let page = page.shard_iterator(iterator.take().unwrap());
                let page = page.send().await.unwrap();
                iterator.clone_from(&page.next_shard_iterator);
                for record in &page.records {
                    for user_record in user_records(record.data.as_ref()) {
                        deliveries.push(Delivery::decode(&user_record).unwrap());
                    }
                }
                if page.records.is_empty() {
                    break;
                }
            }
        }
        deliveries
    }
}
