//! Takes a batch of `events` or `replay` and folds it.

use aws_lambda_events::kinesis::KinesisEvent;
use futures::future::join;
use lambda_runtime::Error;
use rewind::Service;
use rewind_aws::{
    aws::{
        batch::{self, BatchAnswer, Failures, Record},
        clock::now,
    },
    data_table::{data_store::DataStore, shard::Shards, undeclared::UndeclaredTypes},
    metrics::{
        Line, Metrics,
        catalog::{APPLIED, BATCH_AGE, FAILED_RECORDS, ROWS_WRITTEN, STALLS},
    },
    project::projector::{Projected, Projector},
};

/// write's handler.
#[derive(Debug)]
pub struct Handler {
    projector: Projector,
    shards: Shards,
    undeclared: UndeclaredTypes,
    metrics: Metrics,
}

impl Handler {
    /// A handler that folds through `projector`. It reports in `store` which
    /// shards do not go on, and which types `service` does not declare.
    pub fn new(projector: Projector, service: Service, store: DataStore) -> Self {
        Self {
            projector,
            shards: Shards::new("write", store.clone()),
            undeclared: UndeclaredTypes::new(service, store),
            metrics: Metrics::none(),
        }
    }

    /// With metrics. A handler that nobody gives any writes none.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Folds a batch. What failed is reported by its record: Lambda delivers
    /// from the lowest on again.
    ///
    /// # Errors
    ///
    /// When nothing could be done: Lambda delivers the whole batch again.
    pub async fn handle(&self, event: KinesisEvent) -> Result<BatchAnswer, Error> {
        let shard = batch::shard_of(&event);
        let records = batch::records(event);
        let deliveries = batch::deliveries(&records);
        let project = self.projector.project(&deliveries);
        let (projected, known) = join(project, self.shards.known(&shard)).await;
        let (projected, reported) = match projected {
            Ok(projected) => (projected, self.undeclared.report(&deliveries).await),
            Err(error) => (Projected::default(), Err(error)),
        };
        let failed = match &reported {
            Ok(()) => &projected.failed,
            Err(error) => &Failures::from([(0, error.to_string())]),
        };
        self.shards.tell(&shard, &records, failed, known).await;
        self.metrics.write(&line(&records, &projected, failed));
        reported?;
        tracing::info!(
            records = records.len(),
            applied = projected.applied,
            stalled = projected.stalled,
            failed = projected.failed.len(),
            "written"
        );
        Ok(batch::answer(&records, &projected.failed))
    }
}

fn line(records: &[Record], projected: &Projected, failed: &Failures) -> Line {
    let line = Line::new()
        .with(APPLIED, projected.applied)
        .with(ROWS_WRITTEN, projected.rows)
        .with(STALLS, projected.stalled)
        .with(FAILED_RECORDS, batch::comes_again(records, failed));
    match batch::age(records, now().as_millisecond()) {
        Some(age) => line.with(BATCH_AGE, age),
        None => line,
    }
}
