//! Takes a batch of `events` and lets adapters and rules react to it.

use aws_lambda_events::kinesis::KinesisEvent;
use lambda_runtime::Error;
use rewind_aws::{
    reactor::Reactor,
    records::{self, BatchAnswer},
};

/// microservice's handler.
#[derive(Debug)]
pub struct Handler {
    reactor: Reactor,
}

impl Handler {
    /// A handler that reacts through `reactor`.
    pub fn new(reactor: Reactor) -> Self {
        Self { reactor }
    }

    /// Reacts to a batch. What failed is reported by its record: Lambda
    /// delivers from the lowest on again.
    ///
    /// # Errors
    ///
    /// When nothing could be done: Lambda delivers the whole batch again.
    pub async fn handle(&self, event: KinesisEvent) -> Result<BatchAnswer, Error> {
        let records = records::records(event);
        let deliveries = records::deliveries(&records);
        let reacted = self.reactor.react(&deliveries).await?;
        tracing::info!(
            records = records.len(),
            drawn = reacted.drawn,
            stalled = reacted.stalled,
            failed = reacted.failed.len(),
            "reacted"
        );
        Ok(records::answer(&records, reacted.failed))
    }
}
