//! Takes a batch of `events` or `replay` and folds it.

use aws_lambda_events::kinesis::KinesisEvent;
use lambda_runtime::Error;
use rewind_aws::{
    projector::Projector,
    records::{self, BatchAnswer},
};

/// write's handler.
#[derive(Debug)]
pub struct Handler {
    projector: Projector,
}

impl Handler {
    /// A handler that folds through `projector`.
    pub fn new(projector: Projector) -> Self {
        Self { projector }
    }

    /// Folds a batch. What failed is reported by its record: Lambda delivers
    /// from the lowest on again.
    ///
    /// # Errors
    ///
    /// When nothing could be done: Lambda delivers the whole batch again.
    pub async fn handle(&self, event: KinesisEvent) -> Result<BatchAnswer, Error> {
        let records = records::records(event);
        let deliveries = records::deliveries(&records);
        let projected = self.projector.project(&deliveries).await?;
        tracing::info!(
            records = records.len(),
            applied = projected.applied,
            stalled = projected.stalled,
            failed = projected.failed.len(),
            "written"
        );
        Ok(records::answer(&records, projected.failed))
    }
}
