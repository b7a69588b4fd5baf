//! Takes a batch of `events` or `replay` and folds it.

use aws_lambda_events::kinesis::KinesisEvent;
use futures::future::join;
use lambda_runtime::Error;
use rewind::Service;
use rewind_aws::{
    aws::batch::{self, BatchAnswer, Failures},
    data_table::{data_store::DataStore, shard::Shards, undeclared::UndeclaredTypes},
    project::projector::Projector,
};

/// write's handler.
#[derive(Debug)]
pub struct Handler {
    projector: Projector,
    shards: Shards,
    undeclared: UndeclaredTypes,
}

impl Handler {
    /// A handler that folds through `projector`. It reports in `store` which
    /// shards do not go on, and which types `service` does not declare.
    pub fn new(projector: Projector, service: Service, store: DataStore) -> Self {
        Self {
            projector,
            shards: Shards::new("write", store.clone()),
            undeclared: UndeclaredTypes::new(service, store),
        }
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
        let projected = match projected {
            Ok(projected) => {
                let reported = self.undeclared.report(&deliveries).await;
                reported.map(|()| projected)
            }
            failed => failed,
        };
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
