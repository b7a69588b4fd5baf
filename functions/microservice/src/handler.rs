//! Takes a batch of `events` and lets adapters and rules react to it.

use aws_lambda_events::kinesis::KinesisEvent;
use futures::future::join;
use lambda_runtime::Error;
use rewind_aws::{
    aws::batch::{self, BatchAnswer, Failures},
    data_table::{data_store::DataStore, shard::Shards},
    react::reactor::Reactor,
};

/// microservice's handler.
#[derive(Debug)]
pub struct Handler {
    reactor: Reactor,
    shards: Shards,
}

impl Handler {
    /// A handler that reacts through `reactor`, and says in `store` which
    /// shards do not go on.
    pub fn new(reactor: Reactor, store: DataStore) -> Self {
        let shards = Shards::new("microservice", store);
        Self { reactor, shards }
    }

    /// Reacts to a batch. What failed is reported by its record: Lambda
    /// delivers from the lowest on again.
    ///
    /// # Errors
    ///
    /// When nothing could be done: Lambda delivers the whole batch again.
    pub async fn handle(&self, event: KinesisEvent) -> Result<BatchAnswer, Error> {
        let shard = batch::shard_of(&event);
        let records = batch::records(event);
        let deliveries = batch::deliveries(&records);
        let react = self.reactor.react(&deliveries);
        let (reacted, known) = join(react, self.shards.known(&shard)).await;
        let failed = match &reacted {
            Ok(reacted) => &reacted.failed,
            Err(error) => &Failures::from([(0, error.to_string())]),
        };
        self.shards.tell(&shard, &records, failed, known).await;
        let reacted = reacted?;
        tracing::info!(
            records = records.len(),
            emitted = reacted.emitted,
            stalled = reacted.stalled,
            failed = reacted.failed.len(),
            "reacted"
        );
        Ok(batch::answer(&records, &reacted.failed))
    }
}
