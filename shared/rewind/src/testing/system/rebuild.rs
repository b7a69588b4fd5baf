//! Everything again, from the recorded events.

use super::{System, engine::Engine, made::Made};
use crate::{RecordedEvent, Service, StreamName, reversal::place};
use std::{collections::BTreeMap, mem, sync::Arc};

impl System {
    /// Wipes rows, checkpoints, instances and deadlines, and makes all of it
    /// again from the recorded events, stream by stream: as far from the order
    /// in which they came as a rebuild can be. Checks that rows, deadlines and
    /// stalls are as before, and that nothing is given again. Changes of rows are
    /// not told, as in a rebuild.
    ///
    /// It does so twice: the last stream first and event by event; then the
    /// first stream first, each of them at once, where no reader is stalled.
    ///
    /// # Panics
    ///
    /// When a row or a deadline differs, an event is recorded, a reader stalls
    /// that did not, or stalled before without being asked for.
    #[track_caller]
    pub fn rebuild(&mut self) -> &mut Self {
        self.engine.check();
        let before = mem::take(&mut self.engine.made);
        let heads = self.engine.heads();
        let at_once = match before.stalls.is_empty() {
            true => By::Stream,
            // Elsewhere is where a reader stalls that sees more at once.
            false => By::Event,
        };
        for (is_backwards, by) in [(true, By::Event), (false, at_once)] {
            self.engine.made = Made::default();
            self.engine.tells = false;
            self.engine.replay(is_backwards, by);
            self.engine.tells = true;
            let given: Vec<String> = self.engine.behind(&heads);
            assert!(
                given.is_empty(),
                "a rebuild gives what was not given before: something that is registered is not pure: {given:#?}"
            );
            self.engine.check();
            let made = &self.engine.made;
            pretty_assertions::assert_eq!(
                made.rows.all(),
                before.rows.all(),
                "the rows of a rebuild differ: a fold depends on the order across streams, or is not pure, or its `revert` gives another row"
            );
            pretty_assertions::assert_eq!(
                made.states(),
                before.states(),
                "the states and deadlines of a rebuild differ: `on` or `reached` is not pure"
            );
            pretty_assertions::assert_eq!(made.stalls, before.stalls);
        }
        self
    }

    /// Goes on with another service: the same events, and mended code. Readers
    /// that were stalled try again.
    #[track_caller]
    pub fn mended(&mut self, service: Service) -> &mut Self {
        self.engine.expected.clear();
        self.engine.service = Arc::new(service);
        self.engine.replay(false, By::Event);
        self
    }
}

/// How readers are shown a stream.
#[derive(Clone, Copy)]
enum By {
    /// Event by event.
    Event,
    /// All of it at once.
    Stream,
}

impl Engine {
    /// Shows all events to all readers, stream by stream.
    #[track_caller]
    fn replay(&mut self, is_backwards: bool, by: By) {
        let mut streams: Vec<&StreamName> = self.table.streams().collect();
        if is_backwards {
            streams.reverse();
        }
        let events = streams.into_iter().flat_map(|stream| {
            let events = self.table.of(stream);
            match by {
                By::Event => events,
                // Readers read what comes before it from the table.
                By::Stream => &events[events.len() - 1..],
            }
        });
        let events: Vec<RecordedEvent> = events.cloned().collect();
        self.published.extend(events);
        self.go();
    }

    /// How long each stream is.
    fn heads(&self) -> BTreeMap<StreamName, usize> {
        let streams = self.table.streams();
        let heads = streams.map(|stream| (stream.clone(), self.table.of(stream).len()));
        heads.collect()
    }

    /// The events behind those: where they are, and their types.
    fn behind(&self, heads: &BTreeMap<StreamName, usize>) -> Vec<String> {
        let new = self.table.streams().flat_map(|stream| {
            let head = heads.get(stream).copied().unwrap_or_default();
            &self.table.of(stream)[head..]
        });
        let told = new.map(|event| {
            let place = place(event.stream(), event.version);
            format!("`{}` at {place}", event.event_type())
        });
        told.collect()
    }
}
