//! The testing kit: given these events, then this row; when this input, then
//! these events.

pub mod golden;

use crate::{
    Adapter, Aggregate, Change, CloudEvent, MultiStreamProjection, NewEvent, Projection,
    RecordedEvent, Rejection, Rule, SingleStreamProjection, StreamName, aggregate, event,
    projection::Folded,
    reversal::{Effect, Reversal, Reversals},
    upcast::{SCHEMA_VERSION, Upcaster, Upcasters},
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A history that tests start from.
#[derive(Debug, Clone, Default)]
pub struct Given {
    events: Vec<RecordedEvent>,
    upcasters: Arc<Upcasters>,
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
pub fn event(stream: &str, event_type: &str, data: &Value, version: u64) -> RecordedEvent {
    RecordedEvent {
        event: CloudEvent {
            id: format!("{stream}@{version}"),
            source: "/test".into(),
            event_type: event_type.into(),
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
        let known = |known: &&RecordedEvent| known.stream().as_str() == stream;
        let mut version = self.events.iter().filter(known).count() as u64;
        for (event_type, data) in events {
            version += 1;
            self.events.push(event(stream, event_type, &data, version));
        }
        self
    }

    /// And the last event was recorded with this schema version.
    ///
    /// # Panics
    ///
    /// When there is no event yet.
    #[must_use]
    pub fn of_schema(mut self, version: u32) -> Self {
        let last = self.events.last_mut().expect("an event");
        let extensions = &mut last.event.extensions;
        extensions.insert(SCHEMA_VERSION.into(), version.into());
        self
    }

    /// And what reads the events goes through an upcaster.
    #[must_use]
    pub fn upcasting<U: Upcaster>(mut self) -> Self {
        Arc::make_mut(&mut self.upcasters).add::<U>();
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
        let of_stream: Vec<&RecordedEvent> = of_stream
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
        let recorded = RecordedEvent {
            event: reversal.event(named, nth, named.event.time.clone()),
            version: last + 1,
            position: last + 1,
        };
        self.events.push(recorded);
        self
    }

    /// The events, in the order given.
    pub fn events(&self) -> &[RecordedEvent] {
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
        assert_eq!(folded.rejection, None, "an event was refused");
        let row = folded.row.unwrap_or_else(|| json(&P::State::default()));
        assert_eq!(row, json(&expected));
        self.check_revert::<P>();
    }

    /// Where the projection says how to take an event back, this comes to what
    /// a fold without the event comes to.
    fn check_revert<P: SingleStreamProjection>(&self) {
        let reversals = Reversals::among(&self.events);
        // A restored event is always folded again at its old place.
        let is_restored = |event: &&RecordedEvent| {
            matches!(reversals.effect(event.version), Some(Effect::Restored(_)))
        };
        let until = self.events.iter().position(|event| is_restored(&event));
        let events = &self.events[..until.unwrap_or(self.events.len())];
        let before = Self {
            events: events.to_vec(),
            upcasters: self.upcasters.clone(),
        };
        let changes = events
            .iter()
            .map(|event| match reversals.effect(event.version) {
                Some(Effect::TakenBack(root)) => Change::Revert(&self.events[root as usize - 1]),
                Some(_) => Change::Pass,
                None => Change::Apply(event),
            });
        let changes: Vec<Change<'_>> = changes.collect();
        let reverted = self
            .projection(Projection::single::<P>())
            .fold("", None, &changes);
        if !reverted.fold_again {
            assert_eq!(
                reverted.rejection, None,
                "`revert` refuses to take an event back"
            );
            assert_eq!(
                reverted.row,
                before.fold::<P>().row,
                "`revert` does not come to what a fold without the event comes to"
            );
        }
    }

    /// Checks that a projection over one stream refuses the last event.
    ///
    /// # Panics
    ///
    /// When it takes all of them, or refuses an earlier one.
    pub fn then_refused<P: SingleStreamProjection>(&self) -> Rejection {
        let folded = self.fold::<P>();
        assert_eq!(folded.applied + 1, self.events.len(), "{folded:?}");
        folded.rejection.expect("the last event is refused")
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
        assert_eq!(self.rows::<P>(self.events.iter()), expected);
        // Stream by stream, the last stream first: as far from the order given
        // as a rebuild can be.
        let mut regrouped: Vec<&RecordedEvent> = self.events.iter().collect();
        regrouped.sort_by(|a, b| b.stream().cmp(a.stream()).then(a.version.cmp(&b.version)));
        assert_eq!(
            self.rows::<P>(regrouped.into_iter()),
            expected,
            "the rows depend on the order across streams, which a rebuild changes"
        );
    }

    /// Checks what a rule draws from the last event.
    ///
    /// # Panics
    ///
    /// When the rule refuses, or draws anything else.
    pub fn then_reacts<R: Rule>(&self, expected: &[NewEvent]) {
        let last = self.events.last().expect("an event");
        let lifted = self.upcasters.lift(last).expect("a shape that is lifted");
        let drafts = R::react(&lifted);
        assert_eq!(drafts.as_deref(), Ok(expected));
        for draft in drafts.iter().flatten() {
            assert_eq!(draft.check(), Ok(()), "{draft:?} is not taken");
        }
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
    pub fn when<A: Aggregate>(&self, command: A::Command) -> Result<Vec<A::Event>, Rejection> {
        let state = aggregate::state_of::<A>(&self.upcasters, &self.events);
        state.expect("events of the aggregate").decide(command)
    }

    fn fold<P: SingleStreamProjection>(&self) -> Folded {
        let streams = self.events.iter().map(RecordedEvent::stream);
        let streams: BTreeSet<&StreamName> = streams.collect();
        assert!(streams.len() <= 1, "one row holds one stream: {streams:?}");
        let reversals = Reversals::among(&self.events);
        let taken_back = reversals.taken_back();
        let changes = self.events.iter().map(|event| match event.version {
            version if reversals.holds(version) => Change::Pass,
            version if taken_back.contains(&version) => Change::Void(event),
            _ => Change::Apply(event),
        });
        let changes: Vec<Change<'_>> = changes.collect();
        self.projection(Projection::single::<P>())
            .fold("", None, &changes)
    }

    fn rows<'a, P: MultiStreamProjection>(
        &self,
        events: impl Iterator<Item = &'a RecordedEvent>,
    ) -> BTreeMap<String, Value> {
        let projection = self.projection(Projection::multi::<P>());
        let mut rows: BTreeMap<String, Value> = BTreeMap::new();
        let mut streams: BTreeMap<&str, Vec<&RecordedEvent>> = BTreeMap::new();
        for event in events {
            let stream = streams.entry(event.stream().as_str()).or_default();
            stream.push(event);
            let reversals = Reversals::among(stream.iter().copied());
            let change = match reversals.effect(event.version) {
                None => Change::Apply(event),
                Some(Effect::Restored(root)) => Change::Apply(stream[root as usize - 1]),
                Some(Effect::TakenBack(root)) => Change::Revert(stream[root as usize - 1]),
                Some(Effect::Nothing(_)) => Change::Pass,
            };
            let (Change::Apply(root) | Change::Revert(root)) = change else {
                continue;
            };
            for key in projection.keys(root).expect("keys") {
                let folded = projection.fold(&key, rows.get(&key), &[change]);
                assert_eq!(folded.rejection, None, "an event was refused");
                rows.extend(folded.row.map(|row| (key, row)));
            }
        }
        rows
    }

    fn projection(&self, mut projection: Projection) -> Projection {
        projection.lifting(&self.upcasters);
        projection
    }
}

/// What an adapter makes of an input.
///
/// # Errors
///
/// The adapter's refusal, or that of a draft which cannot be recorded.
pub fn when_input<A: Adapter>(input: Value) -> Result<Vec<NewEvent>, Rejection> {
    let drafts = A::map(input)?;
    for draft in &drafts {
        draft.check()?;
    }
    Ok(drafts)
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("a row with a JSON text")
}
