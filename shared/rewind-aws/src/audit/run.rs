//! `rewind verify`'s work: looks at both tables from the outside and says
//! where they are not as the invariants want them.
//!
//! Memory does not grow with the tables: they are scanned page by page, each
//! stream is folded page by page, identities go through a filter of a fixed
//! size, and the rows that many streams share are checked in parts, each with
//! a walk of its own over the streams.
//!
//! What other code has made is not compared with what today's makes: of such a
//! generation only is said that it is outdated.
//!
//! It may look at a live system. What moves while it looks is no violation: a
//! row and its watermark are one item, read before the stream; a row that many
//! streams share is only found wrong when nobody wrote it during a whole walk.

use super::claims::Strays;
use super::filter::Filter;
use super::index::Sums;
use super::report::{Counts, Ledger, Violation, Watch};
use super::tally;
use crate::{
    Error,
    audit::readers::{self, Reader},
    aws::clock,
    data_table::data_store::DataStore,
    event_table::event_store::EventStore,
};
use rewind::Service;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Looks at the tables of one deployment.
#[derive(Debug, Clone)]
pub struct Audit {
    service: Service,
    events: EventStore,
    store: DataStore,
    rows_at_once: u64,
}

/// One look.
pub(super) struct Run<'w> {
    pub(super) events: EventStore,
    pub(super) store: DataStore,
    pub(super) readers: Vec<Reader>,
    pub(super) rows_at_once: u64,
    /// When it began, in microseconds since 1970: as positions are.
    pub(super) began: u64,
    pub(super) ledger: Mutex<Ledger<'w>>,
    pub(super) identities: Mutex<Filter>,
    pub(super) streams: Mutex<Filter>,
    pub(super) strays: Mutex<Strays>,
    pub(super) sums: Mutex<Sums>,
}

impl Audit {
    /// An audit of what a service made of the events.
    pub fn new(service: Service, events: EventStore, store: DataStore) -> Self {
        Self {
            service,
            events,
            store,
            rows_at_once: tally::ROWS_AT_ONCE,
        }
    }

    /// With another number of rows that it holds in memory at once, of those
    /// that streams share; 20,000 where nothing is said. Fewer rows cost more
    /// readings of the events table.
    #[must_use]
    pub fn holding(mut self, rows: u64) -> Self {
        self.rows_at_once = rows.max(1);
        self
    }

    /// Looks at everything once, and hands each violation to `watch` as it is
    /// found.
    ///
    /// # Errors
    ///
    /// When a table cannot be read, or not even the record of a projection's
    /// generations makes sense.
    pub async fn run<'w>(&'w self, watch: &'w mut (dyn Watch + Send)) -> Result<Counts, Error> {
        let run = Run {
            events: self.events.clone(),
            store: self.store.clone(),
            rows_at_once: self.rows_at_once,
            readers: readers::all(&self.service, &self.store).await?,
            began: clock::now().as_microsecond().max(0) as u64,
            ledger: Mutex::new(Ledger::new(watch)),
            identities: Mutex::new(Filter::new()),
            streams: Mutex::new(Filter::new()),
            strays: Mutex::default(),
            sums: Mutex::default(),
        };
        let outdated = run.readers.iter();
        let outdated = outdated.filter_map(|reader| reader.outdated.clone());
        run.count(|counts| counts.outdated.extend(outdated));
        run.check_streams_and_shared_rows().await?;
        run.check_index().await?;
        run.check_leftovers().await?;
        Ok(run.close())
    }
}

impl Run<'_> {
    pub(super) fn violation(&self, violation: Violation) {
        locked(&self.ledger).violation(&violation);
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut locked(&self.ledger).counts);
    }

    fn close(self) -> Counts {
        let ledger = self.ledger.into_inner();
        let mut counts = ledger.unwrap_or_else(PoisonError::into_inner).counts;
        // What is claimed and not recorded was given up by its client, or is
        // on its way.
        counts.orphan_claims = counts.claims.saturating_sub(counts.claimed_events);
        counts
    }
}

/// A lock that a panic elsewhere cannot spoil: each change under it is whole.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
