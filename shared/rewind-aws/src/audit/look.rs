//! One look at the tables: what all checks of it share.

use super::{
    filter::Filter,
    readers::Reader,
    report::{Counts, Kind, Ledger, Violation, Watch},
    sums::Sums,
};
use crate::{
    Error, aws::clock, data_table::data_store::DataStore, event_table::event_store::EventStore,
};
use rewind::Service;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// One look.
pub(super) struct Run<'w> {
    pub(super) service: &'w Service,
    pub(super) events: EventStore,
    pub(super) store: DataStore,
    pub(super) readers: Vec<Reader>,
    pub(super) rows_at_once: u64,
    /// When it began, in microseconds since 1970: as positions are.
    pub(super) began: u64,
    pub(super) ledger: Mutex<Ledger<'w>>,
    pub(super) identities: Mutex<Filter>,
    pub(super) streams: Mutex<Filter>,
    /// Where events stand that may stand elsewhere as well, by identity.
    pub(super) strays: Mutex<HashMap<String, String>>,
    pub(super) sums: Mutex<Sums>,
}

impl<'w> Run<'w> {
    /// A look that begins now.
    pub(super) fn new(
        service: &'w Service,
        (events, store): (EventStore, DataStore),
        readers: Vec<Reader>,
        rows_at_once: u64,
        watch: &'w mut (dyn Watch + Send),
    ) -> Self {
        Self {
            service,
            events,
            store,
            rows_at_once,
            readers,
            began: clock::now().as_microsecond().max(0) as u64,
            ledger: Mutex::new(Ledger::new(watch)),
            identities: Mutex::new(Filter::new()),
            streams: Mutex::new(Filter::new()),
            strays: Mutex::default(),
            sums: Mutex::default(),
        }
    }

    pub(super) fn violation(&self, violation: Violation) {
        locked(&self.ledger).violation(&violation);
    }

    pub(super) fn count(&self, count: impl FnOnce(&mut Counts)) {
        count(&mut locked(&self.ledger).counts);
    }

    /// Reports an item that cannot be read, once.
    pub(super) fn damaged(&self, place: &str, error: &Error, is_first_look: bool) {
        if is_first_look {
            let expected = "an item as Rewind writes it";
            self.violation(Violation::new(Kind::DamagedItem, place, expected, error));
        }
    }

    /// What was counted.
    pub(super) fn close(self) -> Counts {
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
