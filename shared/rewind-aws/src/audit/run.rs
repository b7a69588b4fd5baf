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

use super::{
    look::Run,
    readers,
    report::{Counts, Watch},
};
use crate::{Error, data_table::data_store::DataStore, event_table::event_store::EventStore};
use rewind::Service;

/// Rows that are held at once.
const ROWS_AT_ONCE: u64 = 20_000;

/// Looks at the tables of one deployment.
#[derive(Debug, Clone)]
pub struct Audit {
    service: Service,
    events: EventStore,
    store: DataStore,
    rows_at_once: u64,
}

impl Audit {
    /// An audit of what a service made of the events.
    pub fn new(service: Service, events: EventStore, store: DataStore) -> Self {
        Self {
            service,
            events,
            store,
            rows_at_once: ROWS_AT_ONCE,
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
        let readers = readers::all(&self.service, &self.store).await?;
        let (events, store) = (self.events.clone(), self.store.clone());
        let run = Run::new(
            &self.service,
            (events, store),
            readers,
            self.rows_at_once,
            watch,
        );
        let outdated = run.readers.iter();
        let outdated = outdated.filter_map(|reader| reader.outdated.clone());
        run.count(|counts| counts.outdated.extend(outdated));
        run.check_streams_and_shared_rows().await?;
        run.check_index().await?;
        run.check_leftovers().await?;
        Ok(run.close())
    }
}
