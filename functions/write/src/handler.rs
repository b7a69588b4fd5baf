//! Takes a batch of `events` or `replay` and folds it; tends what another database
//! keeps of it.

use crate::Invocation;
use futures::future::join;
use lambda_runtime::Error;
use rewind::{Delivery, Service};
use rewind_aws::aws::trigger::KinesisEvent;
use rewind_aws::{
    aws::{
        batch::{self, BatchAnswer, Failures, Record},
        clock::now,
    },
    data_table::{data_store::DataStore, shard::Shards, undeclared::UndeclaredTypes},
    elsewhere::read_models::ReadModels,
    metrics::{
        Line, Metrics,
        catalog::{APPLIED, BATCH_AGE, FAILED_RECORDS, ROWS_WRITTEN, STALLS},
    },
    project::projector::{Projected, Projector},
};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// How long before the end of its time the schedule begins nothing more.
const LAST: Duration = Duration::from_secs(15);

/// write's handler.
#[derive(Debug)]
pub struct Handler {
    projector: Projector,
    shards: Shards,
    undeclared: UndeclaredTypes,
    models: Option<ReadModels>,
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
            models: None,
            metrics: Metrics::none(),
        }
    }

    /// With tables in another database, if there are any.
    #[must_use]
    pub fn with_read_models(mut self, models: Option<ReadModels>) -> Self {
        self.models = models;
        self
    }

    /// With metrics. A handler that nobody gives any writes none.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Does what it is invoked for. `deadline` is when its time ends.
    ///
    /// # Errors
    ///
    /// When nothing could be done: Lambda invokes it again.
    pub async fn invoke(
        &self,
        invocation: Invocation,
        deadline: SystemTime,
    ) -> Result<Value, Error> {
        match invocation {
            Invocation::Batch(event) => Ok(serde_json::to_value(self.handle(event).await?)?),
            Invocation::Tend => self.tend(deadline).await,
        }
    }

    /// Lets the tables in PostgreSQL catch up, and follow the generations.
    async fn tend(&self, deadline: SystemTime) -> Result<Value, Error> {
        let Some(models) = &self.models else {
            return Ok(json!({}));
        };
        let has_time = || {
            let left = deadline.duration_since(SystemTime::now());
            left.is_ok_and(|left| left > LAST)
        };
        let tended = models.tend(has_time).await?;
        tracing::info!(
            caught_up = tended.caught_up,
            behind = tended.behind,
            stalled = tended.stalled,
            switched = tended.switched,
            unfinished = tended.is_unfinished,
            "tended"
        );
        Ok(json!({}))
    }

    /// Folds a batch. What failed is reported by its record: Lambda delivers
    /// from the lowest on again.
    ///
    /// # Errors
    ///
    /// When nothing could be done: Lambda delivers the whole batch again.
    pub async fn handle(&self, event: KinesisEvent) -> Result<BatchAnswer, Error> {
        let KinesisEvent { shard, records } = event;
        let deliveries = batch::deliveries(&records);
        let (projected, known) = join(self.fold(&deliveries), self.shards.known(&shard)).await;
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

impl Handler {
    /// Folds deliveries into PostgreSQL, where a team wants that, and then into
    /// the data store: so what the data store holds, PostgreSQL holds as well, or
    /// has on its list.
    async fn fold(&self, deliveries: &[(usize, Delivery)]) -> Result<Projected, rewind_aws::Error> {
        if let Some(models) = &self.models {
            models.fold(deliveries).await?;
        }
        self.projector.project(deliveries).await
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
