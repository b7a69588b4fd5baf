//! The testing kit: given these events, then this row; when this input, then
//! these events.

use crate::{
    Adapter, Aggregate, Draft, Event, MultiStreamProjection, Projection, Recorded, Refused, Rule,
    SingleStreamProjection, StreamName, event,
    projection::{Fold, Folded},
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

    /// The events, in the order given.
    pub fn events(&self) -> &[Recorded] {
        &self.events
    }

    /// Checks the row of a projection over one stream.
    ///
    /// # Panics
    ///
    /// When the row differs, or an event is refused.
    pub fn then_row<P: SingleStreamProjection>(&self, expected: P::State) {
        let folded = self.fold::<P>();
        assert_eq!(folded.refused, None, "an event was refused");
        assert_eq!(folded.row, Some(json(&expected)));
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
        let mut state = A::default();
        for event in &self.events {
            let typed = serde_json::json!({"type": event.kind(), "data": event.event.data});
            let typed = serde_json::from_value(typed).expect("an event of the aggregate");
            state.evolve(&typed);
        }
        state.decide(command)
    }

    fn fold<P: SingleStreamProjection>(&self) -> Folded {
        let events: Vec<&Recorded> = self.events.iter().collect();
        match Projection::single::<P>().fold {
            Fold::SingleStream(row) | Fold::MultiStream { row, .. } => row("", None, &events),
        }
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
    for event in events {
        for key in P::keys(event).expect("keys") {
            let row = rows.entry(key.clone()).or_default();
            P::apply(&key, row, event).expect("an event that is taken");
        }
    }
    rows.iter()
        .map(|(key, row)| (key.clone(), json(row)))
        .collect()
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("a row with a JSON text")
}
