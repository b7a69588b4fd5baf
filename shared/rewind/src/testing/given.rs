//! A history that tests start from, and what it comes to.

use super::{asked::Asked, recorded::event, running::Running};
use crate::{
    Aggregate, Change, Command, Emit, Envelope, Event, Events, Holds, MultiStreamProjection,
    NewEvent, Process, Projection, RecordedEvent, Rejection, Rule, SingleStreamProjection,
    StreamName, Upcaster,
    fold::{projection::Folded, upcasters::Upcasters},
    reserved::SCHEMA_VERSION,
    reversal::{Effect, Reversal, Reversals},
};
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    sync::Arc,
};

/// A history of events of `E`: of one category, or of those of an
/// [`events!`](crate::events) enum.
///
/// Only readers of `E` can be checked against it. A projection of another
/// category does not compile:
///
/// ```compile_fail
/// # use rewind::{Envelope, Event, Rejection, SingleStreamProjection, testing::given};
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # enum Cart { Placed {} }
/// # impl Event for Cart { const CATEGORY: &'static str = "cart"; }
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # enum Poll { Voted {} }
/// # impl Event for Poll { const CATEGORY: &'static str = "poll"; }
/// # struct Votes;
/// # impl SingleStreamProjection for Votes {
/// #     type Event = Poll;
/// #     type Row = u64;
/// #     const NAME: &'static str = "votes";
/// #     fn apply(votes: &mut u64, _: &Envelope<Poll>) -> Result<(), Rejection> { *votes += 1; Ok(()) }
/// # }
/// // `Votes` reads `Poll`.
/// given([Cart::Placed {}]).then_row::<Votes>(1);
/// ```
///
/// With its own events it does:
///
/// ```
/// # use rewind::{Envelope, Event, Rejection, SingleStreamProjection, testing::given};
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # enum Poll { Voted {} }
/// # impl Event for Poll { const CATEGORY: &'static str = "poll"; }
/// # struct Votes;
/// # impl SingleStreamProjection for Votes {
/// #     type Event = Poll;
/// #     type Row = u64;
/// #     const NAME: &'static str = "votes";
/// #     fn apply(votes: &mut u64, _: &Envelope<Poll>) -> Result<(), Rejection> { *votes += 1; Ok(()) }
/// # }
/// given([Poll::Voted {}]).then_row::<Votes>(1);
/// ```
///
/// Events of a category that the history does not have do not compile:
///
/// ```compile_fail
/// # use rewind::{Event, testing::given};
/// # use schemars::JsonSchema;
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # enum Cart { Placed {} }
/// # impl Event for Cart { const CATEGORY: &'static str = "cart"; }
/// # #[derive(Serialize, Deserialize, JsonSchema)]
/// # enum Poll { Voted {} }
/// # impl Event for Poll { const CATEGORY: &'static str = "poll"; }
/// let _ = given([Cart::Placed {}]).and("1", [Poll::Voted {}]);
/// ```
#[derive(Debug)]
pub struct Given<E> {
    events: Vec<RecordedEvent>,
    upcasters: Arc<Upcasters>,
    of: PhantomData<fn() -> E>,
}

impl<E> Clone for Given<E> {
    fn clone(&self) -> Self {
        Self {
            events: self.events.clone(),
            upcasters: self.upcasters.clone(),
            of: PhantomData,
        }
    }
}

impl<E> Default for Given<E> {
    fn default() -> Self {
        Self {
            events: Vec::new(),
            upcasters: Arc::default(),
            of: PhantomData,
        }
    }
}

impl<E: Events> Given<E> {
    /// More events, in the stream of this id in their category: `cart-2` for
    /// `"2"`.
    ///
    /// # Panics
    ///
    /// When there is no stream of such an id, or an event has no JSON.
    #[must_use]
    #[track_caller]
    pub fn and<T: Event>(mut self, id: &str, events: impl IntoIterator<Item = T>) -> Self
    where
        E: Holds<T>,
    {
        for new in events {
            let new = NewEvent::new(id, &new).expect("an event that can be recorded");
            let version = new.schema_version.unwrap_or(1);
            self = self.stored(new.stream.as_str(), &new.event_type, version, new.data);
        }
        self
    }

    /// As [`and`](Self::and), and they happened at this time, RFC 3339.
    ///
    /// # Panics
    ///
    /// When there is no stream of such an id, or an event has no JSON.
    #[must_use]
    #[track_caller]
    pub fn and_at<T: Event>(
        mut self,
        time: &str,
        id: &str,
        events: impl IntoIterator<Item = T>,
    ) -> Self
    where
        E: Holds<T>,
    {
        for event in events {
            self = self.and(id, [event]).at(time);
        }
        self
    }

    /// One more event as it was recorded once: of an old shape, or of a type
    /// that is no longer declared.
    ///
    /// # Panics
    ///
    /// When the stream's category is none of this history's.
    #[must_use]
    #[track_caller]
    pub fn stored(mut self, stream: &str, event_type: &str, version: u32, data: Value) -> Self {
        let nth = self.of_stream(stream).count() as u64 + 1;
        let mut recorded = event(stream, event_type, &data, nth);
        let category = recorded.stream().category();
        assert!(
            E::CATEGORIES.contains(&category),
            "`{stream}` is of another category than {:?}",
            E::CATEGORIES
        );
        if version > 1 {
            let extensions = &mut recorded.event.extensions;
            extensions.insert(SCHEMA_VERSION.into(), version.into());
        }
        self.events.push(recorded);
        self
    }

    /// And the last event happened at this time, RFC 3339.
    ///
    /// # Panics
    ///
    /// When there is no event yet.
    #[must_use]
    #[track_caller]
    pub fn at(mut self, time: &str) -> Self {
        self.events.last_mut().expect("an event").event.time = time.into();
        self
    }

    /// And readers see the events through an upcaster.
    #[must_use]
    pub fn upcasting<U: Upcaster>(mut self) -> Self {
        Arc::make_mut(&mut self.upcasters).add::<U>();
        self
    }

    /// And the event at a version of a stream, such as `cart-1`, is reversed.
    ///
    /// # Panics
    ///
    /// When there is no such event.
    #[must_use]
    #[track_caller]
    pub fn reversed(mut self, stream: &str, version: u64) -> Self {
        let of_stream: Vec<&RecordedEvent> = self.of_stream(stream).collect();
        let mut named = of_stream.iter().filter(|event| event.version == version);
        let Some(named) = named.next() else {
            panic!(
                "{stream} has no version {version}; it has {}",
                of_stream.len()
            );
        };
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

    fn of_stream<'a>(&'a self, stream: &'a str) -> impl Iterator<Item = &'a RecordedEvent> {
        let events = self.events.iter();
        events.filter(move |known| known.stream().as_str() == stream)
    }

    /// Checks the row of a projection over one stream, folded without what was
    /// reversed. Where the projection has a `revert`, taking the events back has
    /// to give the same row.
    ///
    /// # Panics
    ///
    /// When the row differs, or an event is rejected.
    #[track_caller]
    pub fn then_row<P: SingleStreamProjection<Event = E>>(&self, expected: P::Row)
    where
        E: Event,
    {
        let folded = self.fold::<P>();
        assert_eq!(folded.rejection, None, "an event was rejected");
        let is_deleted = folded.row.is_none() && P::is_deleted(&expected);
        assert!(!is_deleted, "the row is deleted: `then_no_row` checks it");
        let row = folded.row.unwrap_or_else(|| json(&P::Row::default()));
        assert_eq!(row, json(&expected));
        self.check_revert::<P>();
    }

    /// Checks that a projection over one stream has no row: its events have
    /// deleted it, or there are none. Where the projection has a `revert`, taking
    /// the events back has to come to the same.
    ///
    /// # Panics
    ///
    /// When there is a row, or an event is rejected.
    #[track_caller]
    pub fn then_no_row<P: SingleStreamProjection<Event = E>>(&self)
    where
        E: Event,
    {
        let folded = self.fold::<P>();
        assert_eq!(folded.rejection, None, "an event was rejected");
        assert_eq!(folded.row, None, "there is a row");
        self.check_revert::<P>();
    }

    /// Where the projection has a `revert`, it gives what a fold without the
    /// event gives.
    #[track_caller]
    fn check_revert<P: SingleStreamProjection<Event = E>>(&self)
    where
        E: Event,
    {
        let reversals = Reversals::among(&self.events);
        // A restored event is always folded again at its old place.
        let is_restored = |event: &&RecordedEvent| {
            matches!(reversals.effect(event.version), Some(Effect::Restored(_)))
        };
        let until = self.events.iter().position(|event| is_restored(&event));
        let events = &self.events[..until.unwrap_or(self.events.len())];
        let before: Self = Given {
            events: events.to_vec(),
            upcasters: self.upcasters.clone(),
            of: PhantomData,
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
                "`revert` rejects an event that is taken back"
            );
            assert_eq!(
                reverted.row,
                before.fold::<P>().row,
                "`revert` gives another row than a fold without the event"
            );
        }
    }

    /// Checks that a projection over one stream rejects the last event.
    ///
    /// # Panics
    ///
    /// When it takes all of them, or rejects an earlier one.
    #[track_caller]
    pub fn then_rejected<P: SingleStreamProjection<Event = E>>(&self) -> Rejection
    where
        E: Event,
    {
        let folded = self.fold::<P>();
        assert_eq!(folded.applied + 1, self.events.len(), "{folded:?}");
        folded.rejection.expect("the last event is rejected")
    }

    /// Checks the rows of a projection over many streams, and that another
    /// interleaving of the streams gives the same rows.
    ///
    /// # Panics
    ///
    /// When a row differs, one is missing, or the order across streams counts.
    #[track_caller]
    pub fn then_rows<P: MultiStreamProjection<Event = E>>(&self, expected: &[(&str, P::Row)]) {
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

    /// Checks what a rule emits for the last event.
    ///
    /// # Panics
    ///
    /// When the rule rejects the event, or emits anything else.
    #[track_caller]
    pub fn then_emits<R: Rule<Event = E>>(&self, expected: &[R::Emits]) {
        let last = self.events.last().expect("an event");
        let lifted = self.upcasters.lift(last).expect("a shape that is lifted");
        let data = E::read(&lifted.event).expect("data that fits");
        let emitted = match data {
            Some(data) => R::react(&Envelope::new(&lifted, data)),
            None => Ok(Vec::new()),
        };
        pretty_assertions::assert_eq!(emitted.as_deref(), Ok(expected));
        for new in emitted.into_iter().flatten() {
            let new: Emit = new.into();
            assert_eq!(new.check(), Ok(()), "{new:?} cannot be recorded");
        }
    }

    /// Sends a command to its aggregate, which has seen the events.
    #[track_caller]
    pub fn when<C>(&self, command: C) -> Asked<C::Aggregate>
    where
        C: Command,
        C::Aggregate: Aggregate<Event = E>,
        E: Event,
    {
        Asked::new(&self.upcasters, &self.events, command)
    }

    /// Feeds the events to a process, in the order given.
    pub fn process<P: Process<Event = E>>(&self) -> Running<P> {
        Running::new(&self.upcasters, self.events.clone())
    }

    #[track_caller]
    fn fold<P: SingleStreamProjection<Event = E>>(&self) -> Folded
    where
        E: Event,
    {
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

    #[track_caller]
    fn rows<'a, P: MultiStreamProjection<Event = E>>(
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
                assert_eq!(folded.rejection, None, "an event was rejected");
                match folded.row {
                    Some(row) => rows.insert(key, row),
                    None => rows.remove(&key),
                };
            }
        }
        rows
    }

    fn projection(&self, mut projection: Projection) -> Projection {
        projection.lifting(&self.upcasters);
        projection
    }
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("a row with a JSON text")
}
