//! Takes a batch of `events` and lets adapters and rules react to it.

use aws_lambda_events::kinesis::KinesisEvent;
use futures::future::join;
use lambda_runtime::Error;
use rewind_aws::{
    aws::{
        batch::{self, BatchAnswer, Failures, Record},
        clock::now,
    },
    data_table::{data_store::DataStore, shard::Shards},
    metrics::{
        Line, Metrics,
        catalog::{BATCH_AGE, EMITTED, FAILED_RECORDS, STALLS},
    },
    react::reactor::{Reacted, Reactor},
};

/// microservice's handler.
#[derive(Debug)]
pub struct Handler {
    reactor: Reactor,
    shards: Shards,
    metrics: Metrics,
}

impl Handler {
    /// A handler that reacts through `reactor`, and says in `store` which
    /// shards do not go on.
    pub fn new(reactor: Reactor, store: DataStore) -> Self {
        let shards = Shards::new("microservice", store);
        Self {
            reactor,
            shards,
            metrics: Metrics::none(),
        }
    }

    /// With metrics. A handler that nobody gives any writes none.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
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
        self.metrics.write(&line(&records, &reacted, failed));
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

fn line(
    records: &[Record],
    reacted: &Result<Reacted, rewind_aws::Error>,
    failed: &Failures,
) -> Line {
    let reacted = reacted.as_ref().ok();
    let line = Line::new()
        .with(EMITTED, reacted.map_or(0, |reacted| reacted.emitted))
        .with(STALLS, reacted.map_or(0, |reacted| reacted.stalled))
        .with(FAILED_RECORDS, batch::comes_again(records, failed));
    match batch::age(records, now().as_millisecond()) {
        Some(age) => line.with(BATCH_AGE, age),
        None => line,
    }
}
