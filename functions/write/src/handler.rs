//! Takes a batch of `events` or `replay` and folds it.

use aws_lambda_events::kinesis::KinesisEvent;
use futures::future::join;
use lambda_runtime::Error;
use rewind_aws::{
    aws::batch::{self, BatchAnswer, Failures},
    data_table::{data_store::DataStore, shard::Shards},
    project::projector::Projector,
};

/// write's handler.
#[derive(Debug)]
pub struct Handler {
    projector: Projector,
    shards: Shards,
}

impl Handler {
    /// A handler that folds through `projector`, and says in `store` which
    /// shards do not go on.
    pub fn new(projector: Projector, store: DataStore) -> Self {
        let shards = Shards::new("write", store);
        Self { projector, shards }
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
        let failed = match &projected {
            Ok(projected) => &projected.failed,
            Err(error) => &Failures::from([(0, error.to_string())]),
        };
        self.shards.tell(&shard, &records, failed, known).await;
        let projected = projected?;
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
