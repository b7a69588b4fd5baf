//! What has become of it: rows, events, actions, deadlines, stalls.

use super::{System, journals};
use crate::{
    Action, Aggregate, Event, MultiStreamProjection, Process, RecordedEvent, Runner,
    SingleStreamProjection, StreamName,
    command::OutcomeData,
    record::command::time_of,
    reserved::{COMMAND_CATEGORY, COMMAND_REJECTED, PROCESS_CATEGORY},
    reversal::effective,
    testing::{asked::told, running::action},
};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

impl System {
    /// Checks the row of one stream. Where there is no row, it is compared with
    /// the one before the first event.
    ///
    /// # Panics
    ///
    /// When the row differs, the projection is not registered, or a reader is
    /// stalled.
    #[track_caller]
    pub fn then_row<P: SingleStreamProjection>(&mut self, id: &str, expected: P::Row) -> &mut Self {
        let stream = StreamName::of(P::Event::CATEGORY, id).expect("a stream's name");
        let row = self.row(P::NAME, stream.id());
        let row = row.unwrap_or_else(|| json(&P::Row::default()));
        pretty_assertions::assert_eq!(row, json(&expected), "{} of {id:?}", P::NAME);
        self
    }

    /// Checks that a stream has no row: its events have deleted it, or there are
    /// none.
    ///
    /// # Panics
    ///
    /// When there is one, the projection is not registered, or a reader is
    /// stalled.
    #[track_caller]
    pub fn then_no_row<P: SingleStreamProjection>(&mut self, id: &str) -> &mut Self {
        let stream = StreamName::of(P::Event::CATEGORY, id).expect("a stream's name");
        let row = self.row(P::NAME, stream.id());
        assert_eq!(row, None, "{} of {id:?}", P::NAME);
        self
    }

    /// Checks one of the rows that streams share. Where there is no row, it is
    /// compared with the one before the first event.
    ///
    /// # Panics
    ///
    /// When the row differs, the projection is not registered, or a reader is
    /// stalled.
    #[track_caller]
    pub fn then_shared_row<P: MultiStreamProjection>(
        &mut self,
        key: &str,
        expected: P::Row,
    ) -> &mut Self {
        let row = self.row(P::NAME, key);
        let row = row.unwrap_or_else(|| json(&P::Row::default()));
        pretty_assertions::assert_eq!(row, json(&expected), "{} of {key:?}", P::NAME);
        self
    }

    /// Checks all rows that streams share.
    ///
    /// # Panics
    ///
    /// When a row differs, one is missing, there is one more, the projection is
    /// not registered, or a reader is stalled.
    #[track_caller]
    pub fn then_rows<P: MultiStreamProjection>(
        &mut self,
        expected: &[(&str, P::Row)],
    ) -> &mut Self {
        self.projection(P::NAME);
        let rows = self.engine.made.rows.of(P::NAME);
        let rows = rows.cloned().unwrap_or_default();
        let expected = expected.iter();
        let expected = expected.map(|(key, row)| ((*key).to_string(), json(row)));
        pretty_assertions::assert_eq!(rows, expected.collect(), "{}", P::NAME);
        self
    }

    /// Checks all events of a stream as they count, without those that were
    /// reversed, in their present shape.
    ///
    /// # Panics
    ///
    /// When there are others, or a reader is stalled.
    #[track_caller]
    pub fn then_events<E: Event>(
        &mut self,
        id: &str,
        expected: impl IntoIterator<Item = E>,
    ) -> &mut Self {
        self.engine.check();
        let stream = StreamName::of(E::CATEGORY, id).expect("a stream's name");
        let upcasters = self.engine.service.upcasters();
        let events = effective(self.engine.table.of(&stream)).map(|event| {
            let lifted = upcasters.lift(event).expect("a shape that is lifted");
            let data: Value = lifted.data().expect("an event has JSON data");
            (lifted.event_type().to_string(), data)
        });
        let expected: Vec<E> = expected.into_iter().collect();
        pretty_assertions::assert_eq!(events.collect::<Vec<_>>(), told(&expected), "{stream}");
        self
    }

    /// Checks all that an instance of a process has done, from its first event
    /// on.
    ///
    /// # Panics
    ///
    /// When it has done anything else, the process is not registered, or a
    /// reader is stalled.
    #[track_caller]
    pub fn then_actions<P: Process>(
        &mut self,
        key: &str,
        expected: impl IntoIterator<Item = Action>,
    ) -> &mut Self {
        let (_, journal) = self.instance::<P>(key);
        let recorded = self.engine.table.of(&journal).iter();
        let done = recorded.filter_map(|event| action(&event.event));
        let expected: Vec<Action> = expected.into_iter().collect();
        pretty_assertions::assert_eq!(done.collect::<Vec<_>>(), expected, "{journal}");
        self
    }

    /// Checks which deadlines of an instance are open, and when they are due.
    ///
    /// # Panics
    ///
    /// When others are open, one is due at another time, the process is not
    /// registered, or a reader is stalled.
    #[track_caller]
    pub fn then_deadlines<P: Process>(
        &mut self,
        key: &str,
        expected: &[(&str, &str)],
    ) -> &mut Self {
        let (runner, journal) = self.instance::<P>(key);
        let known = &self.engine.made.instances;
        let instance = journals::load(&runner, &self.engine.table, known, &journal);
        let open = instance.expect("a journal that is folded").deadlines;
        let open = open.into_iter().map(|(name, due)| (name, due.at));
        let expected = expected.iter().map(|(name, at)| {
            let at = time_of(at).expect("a time, RFC 3339");
            ((*name).to_string(), at)
        });
        let (open, expected): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (open.collect(), expected.collect());
        pretty_assertions::assert_eq!(open, expected, "{journal}");
        self
    }

    /// Checks the state of an instance.
    ///
    /// # Panics
    ///
    /// When it is another one, the process is not registered, or a reader is
    /// stalled.
    #[track_caller]
    pub fn then_state<P: Process>(&mut self, key: &str, expected: P::State) -> &mut Self {
        let (runner, journal) = self.instance::<P>(key);
        let known = &self.engine.made.instances;
        let instance = journals::load(&runner, &self.engine.table, known, &journal);
        let state = instance.expect("a journal that is folded").state.json();
        pretty_assertions::assert_eq!(state, Ok(json(&expected)), "{journal}");
        self
    }

    /// Checks the state of an aggregate.
    ///
    /// # Panics
    ///
    /// When it is another one, the aggregate is not registered, or a reader is
    /// stalled.
    #[track_caller]
    pub fn then_aggregate<A: Aggregate>(&mut self, id: &str, expected: A) -> &mut Self {
        self.engine.check();
        let category = <A::Event as Event>::CATEGORY;
        let stream = StreamName::of(category, id).expect("a stream's name");
        let Some(decider) = self.engine.service.decider(category) else {
            panic!("no aggregate decides about `{category}`: register it");
        };
        let state = super::decide::state(decider, &self.engine.table, &stream);
        let state = state.and_then(|state| state.json());
        pretty_assertions::assert_eq!(state, Ok(json(&expected)), "{stream}");
        self
    }

    /// Checks which commands of adapters, rules and processes were refused, in
    /// the order of their streams' names: for each, the stream and the name of
    /// the rejection.
    ///
    /// # Panics
    ///
    /// When others were, or a reader is stalled.
    #[track_caller]
    pub fn then_refused(&mut self, expected: &[(&str, &str)]) -> &mut Self {
        self.engine.check();
        let outcomes = self.engine.table.streams();
        let outcomes = outcomes.filter(|stream| stream.category() == COMMAND_CATEGORY);
        let outcomes = outcomes.flat_map(|stream| self.engine.table.of(stream));
        // What was sent at once has no cause, and the test knows its answer.
        let is_given = |event: &&RecordedEvent| event.event.extension("causationid").is_some();
        let rejected = outcomes.filter(|event| event.event_type() == COMMAND_REJECTED);
        let refused = rejected.filter(is_given).filter_map(|event| {
            let outcome: OutcomeData = event.data().expect("an outcome");
            Some((outcome.stream.to_string(), outcome.rejection?.name))
        });
        let expected = expected.iter();
        let expected = expected.map(|(stream, name)| ((*stream).to_string(), (*name).to_string()));
        let (mut refused, mut expected): (Vec<_>, Vec<_>) = (refused.collect(), expected.collect());
        refused.sort();
        expected.sort();
        pretty_assertions::assert_eq!(refused, expected);
        self
    }

    /// Checks that a reader is stalled in a stream, and for which reason: what
    /// `GET /health` would show. From then on, this stall is no surprise.
    ///
    /// A projection has its name. An adapter is `adapter/{source}`, a rule
    /// `rule/{name}`, a process `process/{name}`. A process that refuses a
    /// deadline is `timer/{name}`, and the stream is its journal,
    /// `process:{name}-{key}`.
    ///
    /// # Panics
    ///
    /// When it is not stalled, or for another reason.
    #[track_caller]
    pub fn then_stalled(&mut self, reader: &str, stream: &str, why: &str) -> &mut Self {
        let place = (
            reader.to_string(),
            StreamName::new(stream).expect("a stream's name"),
        );
        let Some(stall) = self.engine.made.stalls.get(&place) else {
            let stalls = self.engine.made.stalled(&self.engine.expected);
            panic!("{reader} is not stalled in {stream}; there are {stalls:#?}");
        };
        pretty_assertions::assert_eq!(stall.why.reason, why, "{reader} in {stream}");
        let stall = stall.clone();
        self.engine.expected.insert(place, stall);
        self
    }

    /// Checks that no reader is stalled, and that nothing was left unrecorded.
    ///
    /// # Panics
    ///
    /// When one is that no [`then_stalled`](Self::then_stalled) has asked for.
    #[track_caller]
    pub fn then_healthy(&mut self) -> &mut Self {
        self.engine.check();
        self
    }

    /// The events of a stream as they are recorded, such as those of a journal,
    /// `process:{name}-{key}`.
    ///
    /// # Panics
    ///
    /// When `stream` is no name of a stream.
    #[track_caller]
    pub fn recorded(&self, stream: &str) -> &[RecordedEvent] {
        let stream = StreamName::new(stream).expect("a stream's name");
        self.engine.table.of(&stream)
    }

    #[track_caller]
    fn row(&self, projection: &'static str, key: &str) -> Option<Value> {
        self.projection(projection);
        self.engine.made.rows.of(projection)?.get(key).cloned()
    }

    #[track_caller]
    fn projection(&self, name: &'static str) {
        self.engine.check();
        let is_known = self.engine.service.projection(name).is_some();
        assert!(is_known, "no projection is named {name:?}: register it");
    }

    #[track_caller]
    fn instance<P: Process>(&self, key: &str) -> (Runner, StreamName) {
        self.engine.check();
        let runner = self.engine.service.runner(P::NAME);
        let runner =
            runner.unwrap_or_else(|| panic!("no process is named {:?}: register it", P::NAME));
        let category = format!("{PROCESS_CATEGORY}{}", P::NAME);
        let journal = StreamName::of(&category, key).expect("a stream's name");
        (runner.clone(), journal)
    }
}

#[track_caller]
fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("a value that has a JSON")
}
