//! Everything again, from the recorded events.

use super::{System, engine::Engine};
use crate::{RecordedEvent, Service, StreamName};
use std::{collections::BTreeMap, mem, sync::Arc};

impl System {
    /// Wipes rows, checkpoints, instances and deadlines, and makes all of it
    /// again from the recorded events, stream by stream: as far from the order
    /// in which they came as a rebuild can be. Checks that rows, deadlines and
    /// stalls are as before, and that nothing is given again.
    ///
    /// # Panics
    ///
    /// When a row or a deadline differs, an event is recorded, a reader stalls
    /// that did not, or stalled before without being asked for.
    #[track_caller]
    pub fn rebuild(&mut self) -> &mut Self {
        self.engine.check();
        let count = self.engine.table.count();
        let before = mem::take(&mut self.engine.made);
        let heads = self.engine.heads();
        self.engine.replay();
        let new = self.engine.behind(&heads);
        let new = new.map(|event| (event.stream().to_string(), event.event_type().to_string()));
        let new: Vec<(String, String)> = new.collect();
        assert_eq!(
            (self.engine.table.count(), new.as_slice()),
            (count, &[][..]),
            "a rebuild gives what was not given before: something that is registered is not pure"
        );
        self.engine.check();
        pretty_assertions::assert_eq!(
            self.engine.made.rows.all(),
            before.rows.all(),
            "the rows of a rebuild differ: a fold depends on the order across streams, or is not pure, or its `revert` gives another row"
        );
        pretty_assertions::assert_eq!(
            self.engine.made.states(),
            before.states(),
            "the states and deadlines of a rebuild differ: `on` or `reached` is not pure"
        );
        pretty_assertions::assert_eq!(self.engine.made.stalls, before.stalls);
        self
    }

    /// Goes on with another service: the same events, and mended code. Readers
    /// that were stalled try again.
    #[track_caller]
    pub fn mended(&mut self, service: Service) -> &mut Self {
        self.engine.expected.clear();
        self.engine.service = Arc::new(service);
        self.engine.replay();
        self
    }
}

impl Engine {
    /// Shows all events to all readers, stream by stream.
    #[track_caller]
    fn replay(&mut self) {
        let streams = self.table.streams().rev();
        let events = streams.flat_map(|stream| self.table.of(stream)).cloned();
        let events: Vec<RecordedEvent> = events.collect();
        self.published.extend(events);
        self.go();
    }

    /// How long each stream is.
    fn heads(&self) -> BTreeMap<StreamName, usize> {
        let streams = self.table.streams();
        streams
            .map(|stream| (stream.clone(), self.table.of(stream).len()))
            .collect()
    }

    /// The events behind those.
    fn behind<'a>(
        &'a self,
        heads: &'a BTreeMap<StreamName, usize>,
    ) -> impl Iterator<Item = &'a RecordedEvent> {
        self.table.streams().flat_map(|stream| {
            let head = heads.get(stream).copied().unwrap_or_default();
            &self.table.of(stream)[head..]
        })
    }
}
