//! Records commits right behind the heads that they follow, and publishes them.

use super::{appender::Appender, publish::publish, sweep::Sweep};
use crate::{
    Error,
    aws::producer::Stream,
    data_table::data_store::DataStore,
    event_table::event_store::{EventStore, Inserted, OutcomeClaim, Together},
};
use rewind::{Commit, Service};
use std::sync::Arc;

/// Records and publishes.
#[derive(Debug, Clone)]
pub struct Recorder {
    /// The events table.
    pub events: EventStore,
    /// The data store.
    pub store: DataStore,
    published: Stream,
    appender: Arc<Appender>,
}

impl Recorder {
    /// A recorder that publishes on the stream `events`.
    pub fn new(events: EventStore, store: DataStore, published: Stream) -> Self {
        Self {
            appender: Arc::new(Appender::new(store.clone())),
            events,
            store,
            published,
        }
    }

    /// A sweep over what this recorder and others record for a service.
    pub fn sweep(&self, service: &Service) -> Sweep {
        let (events, store) = (self.events.clone(), self.store.clone());
        Sweep::new(service, events, store, self.published.clone())
    }

    /// Inserts commits together, with a claim where there is one, and publishes
    /// them. They are published later where that fails: that they stand is what
    /// counts.
    ///
    /// # Errors
    ///
    /// When nothing could be tried.
    pub async fn record(
        &self,
        commits: &mut [Commit],
        claim: Option<&OutcomeClaim>,
    ) -> Result<Together, Error> {
        let positions = || commits.iter().map(|commit| commit.position);
        let lowest = positions().min().unwrap_or(u64::MAX);
        let highest = positions().max().unwrap_or(0);
        let begun = self.appender.begin(lowest, highest).await?;
        for commit in &mut *commits {
            commit.appender = Some(begun.id.clone());
        }
        let recorded = self.insert(commits, claim).await;
        let is_published = match &recorded {
            Together::Done => match publish(&self.published, commits).await {
                Ok(()) => true,
                Err(reason) => {
                    tracing::warn!(reason, "recorded and not published: the sweep does it");
                    false
                }
            },
            Together::Refused(_) => true,
            // It may stand in the table after all: a request whose answer is lost
            // is sent again, and finds what it has written itself.
            Together::Taken | Together::Failed(_) => false,
        };
        self.appender.done(&begun, is_published).await;
        Ok(recorded)
    }

    async fn insert(&self, commits: &[Commit], claim: Option<&OutcomeClaim>) -> Together {
        if let (None, [commit]) = (claim, commits) {
            // At single capacity.
            return match self.events.append(&[commit]).await.pop() {
                Some(Inserted::New) => Together::Done,
                Some(Inserted::Taken) => Together::Taken,
                Some(Inserted::Refused(why)) => Together::Refused(why),
                Some(Inserted::Failed(why)) => Together::Failed(why),
                None => Together::Failed("an insert was not answered".into()),
            };
        }
        let commits: Vec<&Commit> = commits.iter().collect();
        self.events.record_together(&commits, claim).await
    }
}
