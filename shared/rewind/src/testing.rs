//! The testing kit: given these events, then this row; when this input, then
//! these events.

pub mod golden;

use crate::{
    Adapter, Aggregate, Change, Draft, Event, MultiStreamProjection, Projection, Recorded, Refused,
    Rule, SingleStreamProjection, StreamName, aggregate, event,
    projection::Folded,
    reversal::{Reversal, Reversals},
    upcast::Upcasters,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A history that tests start from.
#[derive(Debug, Clone, Default)]
pub struct Given {
    events: Vec<Recorded>,
}

/// The history of one stream, `given-1`: types and data, in order.
pub fn given<'a>(events: impl IntoIterator<Item = (&'a str, Value)>) -> Given {
    Given::default().and("given-1", events)
}

/// An event with the attributes that tests don't care about filled in.
///
/// # Panics
///
/// When `stream` is no name of a stream.
pub fn event(stream: &str, kind: &str, data: &Value, version: u64) -> Recorded {
    Recorded {
        event: Event {
            id: format!("{stream}@{version}"),
            source: "/test".into(),
            kind: kind.into(),
            stream: StreamName::new(stream).expect("a stream's name"),
            time: "2023-04-19T09:00:00Z".into(),
            extensions: BTreeMap::new(),
            data: event::raw(data),
        },
        version,
        position: version,
    }
}

impl Given {
    /// More events, of another stream or of the same.
    #[must_use]
    pub fn and<'a>(
        mut self,
        stream: &str,
        events: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Self {
        let known = |known: &&Recorded| known.stream().as_str() == stream;
        let mut version = self.events.iter().filter(known).count() as u64;
        for (kind, data) in events {
            version += 1;
            self.events.push(event(stream, kind, &data, version));
        }
        self
    }

    /// And the event at a version of a stream is reversed: `given-1` is the
    /// stream that [`given`] speaks of.
    ///
    /// # Panics
    ///
    /// When there is no such event.
    #[must_use]
    pub fn reversed(mut self, stream: &str, version: u64) -> Self {
        let of_stream = self.events.iter();
        let of_stream: Vec<&Recorded> = of_stream
            .filter(|known| known.stream().as_str() == stream)
            .collect();
        let named = of_stream[version as usize - 1];
        let reversal = Reversal {
            version,
            source: named.event.source.clone(),
            id: named.event.id.clone(),
            reason: "a test".into(),
            by: "a test".into(),
        };
        let nth = Reversals::among(of_stream.iter().copied()).times(version);
        let last = of_stream.len() as u64;
        let recorded = Recorded {
            event: reversal.event(named, nth, named.event.time.clone()),
            version: last + 1,
            position: last + 1,
        };
        self.events.push(recorded);
        self
    }

    /// The events, in the order given.
    pub fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// Checks the row of a projection over one stream, folded without what was
    /// reversed, and, where the projection says how to take an event back,
    /// that this comes to the same.
    ///
    /// # Panics
    ///
    /// When the row differs, or an event is refused.
    pub fn then_row<P: SingleStreamProjection>(&self, expected: P::State) {
        let folded = self.fold::<P>();
        assert_eq!(folded.refused, None, "an event was refused");
        assert_eq!(folded.row, Some(json(&expected)));
        let reversals = Reversals::among(&self.events);
        let changes = self.events.iter();
        let changes = changes.map(|event| match reversals.root(event.version) {
            None => Some(Change::Apply(event)),
            Some((root, false)) => Some(Change::Revert(&self.events[root as usize - 1])),
            Some((_, true)) => None,
        });
        // A restored event is always folded again at its old place.
        let Some(changes) = changes.collect::<Option<Vec<_>>>() else {
            return;
        };
        let reverted = Projection::single::<P>().fold("", None, &changes);
        if !reverted.fold_again {
            assert_eq!(
                reverted.row, folded.row,
                "`revert` does not come to what a fold without the event comes to"
            );
        }
    }

    /// Checks that a projection over one stream refuses the last event.
    ///
    /// # Panics
    ///
    /// When it takes all of them, or refuses an earlier one.
    pub fn then_refused<P: SingleStreamProjection>(&self) -> Refused {
        let folded = self.fold::<P>();
        assert_eq!(folded.applied + 1, self.events.len(), "{folded:?}");
        folded.refused.expect("the last event is refused")
    }

    /// Checks the rows of a projection over many streams, and that another
    /// interleaving of the streams gives the same rows.
    ///
    /// # Panics
    ///
    /// When a row differs, one is missing, or the order across streams counts.
    pub fn then_rows<P: MultiStreamProjection>(&self, expected: &[(&str, P::Row)]) {
        let expected: BTreeMap<String, Value> = expected
            .iter()
            .map(|(key, row)| ((*key).to_string(), json(row)))
            .collect();
        assert_eq!(rows::<P>(self.events.iter()), expected);
        // Stream by stream, the last stream first: as far from the order given
        // as a rebuild can be.
        let mut regrouped: Vec<&Recorded> = self.events.iter().collect();
        regrouped.sort_by(|a, b| b.stream().cmp(a.stream()).then(a.version.cmp(&b.version)));
        assert_eq!(
            rows::<P>(regrouped.into_iter()),
            expected,
            "the rows depend on the order across streams, which a rebuild changes"
        );
    }

    /// Checks what a rule draws from the last event.
    ///
    /// # Panics
    ///
    /// When the rule refuses, or draws anything else.
    pub fn then_reacts<R: Rule>(&self, expected: &[Draft]) {
        let last = self.events.last().expect("an event");
        assert_eq!(R::react(last).as_deref(), Ok(expected));
    }

    /// Sends a command to an aggregate that has seen the events.
    ///
    /// # Errors
    ///
    /// The aggregate's refusal.
    ///
    /// # Panics
    ///
    /// When an event given is none of the aggregate's.
    pub fn when<A: Aggregate>(&self, command: A::Command) -> Result<Vec<A::Event>, Refused> {
        let state = aggregate::state_of::<A>(&Upcasters::default(), &self.events);
        state.expect("events of the aggregate").decide(command)
    }

    fn fold<P: SingleStreamProjection>(&self) -> Folded {
        let left_out = Reversals::among(&self.events).left_out();
        let changes = self.events.iter().map(|event| match event.version {
            version if left_out.contains(&version) => Change::Pass,
            _ => Change::Apply(event),
        });
        let changes: Vec<Change<'_>> = changes.collect();
        Projection::single::<P>().fold("", None, &changes)
    }
}

/// What an adapter makes of an input.
///
/// # Errors
///
/// The adapter's refusal.
pub fn when_input<A: Adapter>(input: Value) -> Result<Vec<Draft>, Refused> {
    A::map(input)
}

fn rows<'a, P: MultiStreamProjection>(
    events: impl Iterator<Item = &'a Recorded>,
) -> BTreeMap<String, Value> {
    let mut rows: BTreeMap<String, P::Row> = BTreeMap::new();
    let mut streams: BTreeMap<&str, Vec<&Recorded>> = BTreeMap::new();
    for event in events {
        let stream = streams.entry(event.stream().as_str()).or_default();
        stream.push(event);
        let reversals = Reversals::among(stream.iter().copied());
        let root = reversals.root(event.version);
        let root = root.map(|(root, is_restored)| (stream[root as usize - 1], is_restored));
        let (event, is_reverted) = match root {
            None => (event, false),
            Some((root, is_restored)) => (root, !is_restored),
        };
        for key in P::keys(event).expect("keys") {
            let row = rows.entry(key.clone()).or_default();
            let folded = match is_reverted {
                true => P::revert(&key, row, event),
                false => P::apply(&key, row, event),
            };
            folded.expect("an event that is taken");
        }
    }
    rows.iter()
        .map(|(key, row)| (key.clone(), json(row)))
        .collect()
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("a row with a JSON text")
}
