//! What a schedule does for the tables: catch up on what they have missed, try
//! again what is stalled, and follow the generations of the data store.

use super::read_models::{ReadModels, STORE};
use crate::{Error, data_table::behind, generation::lifecycle};
use futures::{StreamExt, TryStreamExt, stream};
use rewind::{Delivery, StreamName, Target};
use std::collections::BTreeSet;

/// Streams that catch up together.
pub(super) const TOGETHER: usize = 25;

/// Requests under way at once.
const CONCURRENCY: usize = 16;

/// What a look at the tables has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tended {
    /// How many streams have caught up.
    pub caught_up: usize,
    /// How many streams are still behind, of those that were looked at.
    pub behind: usize,
    /// How many streams are stalled.
    pub stalled: usize,
    /// How many views show another generation now.
    pub switched: usize,
    /// Whether there was no time for all of it.
    pub is_unfinished: bool,
}

impl ReadModels {
    /// Tends the tables. `has_time` is asked before each step.
    ///
    /// # Errors
    ///
    /// When PostgreSQL or DynamoDB fails; what is done stays done, and the next
    /// time goes on.
    pub async fn tend(&self, has_time: impl Fn() -> bool) -> Result<Tended, Error> {
        let tended = self.look(has_time).await;
        if tended.is_err() {
            // Somebody may have dropped tables: they are looked for again.
            self.rows.postgres.forget().await;
        }
        tended
    }

    async fn look(&self, has_time: impl Fn() -> bool) -> Result<Tended, Error> {
        let mut tended = Tended::default();
        if self.service.projections().is_empty() {
            return Ok(tended);
        }
        self.rows.postgres.open().await?;
        self.catch_up_all(&has_time, &mut tended).await?;
        let known = lifecycle::known(&self.store, &self.service).await?;
        for projection in self.service.projections() {
            let generations = known.get(projection.name).cloned().unwrap_or_default();
            for generation in generations.live() {
                if !has_time() {
                    tended.is_unfinished = true;
                    return Ok(tended);
                }
                let target = Target {
                    projection: projection.name.to_string(),
                    generation,
                };
                let stalled = self.rows.report(&target).await?;
                // Whoever has mended it need not wait for the next event.
                for some in stalled.chunks(TOGETHER) {
                    self.catch_up(some).await?;
                }
                tended.stalled += self.rows.report(&target).await?.len();
            }
            self.follow(projection, &generations, &has_time, &mut tended)
                .await?;
        }
        Ok(tended)
    }

    /// Takes streams off the list of those that are behind.
    async fn catch_up_all(
        &self,
        has_time: &impl Fn() -> bool,
        tended: &mut Tended,
    ) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let limit = TOGETHER as i32;
            let page = behind::list(&self.store, STORE, after.as_deref(), limit).await?;
            let (marked, next) = page;
            let streams: Vec<StreamName> = marked
                .iter()
                .map(|marked| marked.behind.stream.clone())
                .collect();
            let left = self.catch_up(&streams).await?;
            for marked in &marked {
                if left.contains(&marked.behind.stream) {
                    tended.behind += 1;
                } else {
                    behind::clear(&self.store, marked).await?;
                    tended.caught_up += 1;
                }
            }
            after = next;
            if after.is_none() {
                return Ok(());
            }
            if !has_time() {
                tended.is_unfinished = true;
                return Ok(());
            }
        }
    }

    /// Folds streams to their ends, as if their last events were delivered. Says
    /// which of them are not there.
    ///
    /// # Errors
    ///
    /// When DynamoDB fails.
    pub(super) async fn catch_up(
        &self,
        streams: &[StreamName],
    ) -> Result<BTreeSet<StreamName>, Error> {
        let last = streams.iter().enumerate().map(async |(place, stream)| {
            let head = self.events.head(stream).await?;
            let event = self.events.event(stream, head.version).await?;
            let delivery = event.map(|event| Delivery {
                replay: None,
                events: vec![event],
            });
            Ok::<_, Error>(delivery.map(|delivery| (place, delivery)))
        });
        let last = stream::iter(last).buffer_unordered(CONCURRENCY);
        let last: Vec<Option<(usize, Delivery)>> = last.try_collect().await?;
        let last: Vec<(usize, Delivery)> = last.into_iter().flatten().collect();
        let projected = self.projector.project(&last).await?;
        let failed = projected.failed.keys();
        Ok(failed
            .filter_map(|place| streams.get(*place).cloned())
            .collect())
    }
}
