//! A command on its way to an aggregate: when this command, then these events.

use crate::{
    Aggregate, Decision, Event, NewEvent, RecordedEvent, Rejection, Timestamp, Unique,
    fold::{aggregate, upcasters::Upcasters},
    record::command::time_of,
    reserved::CHANGES_CATEGORY,
};
use serde_json::Value;

/// A command to an aggregate that has seen the events given. Nothing is decided
/// before a `then…`.
#[derive(Debug)]
#[must_use = "nothing is checked without a `then`"]
pub struct Asked<A: Aggregate> {
    pub(super) state: Result<A, Rejection>,
    pub(super) at: Timestamp,
    pub(super) command: A::Command,
}

impl<A: Aggregate> Asked<A> {
    #[track_caller]
    pub(super) fn new(
        upcasters: &Upcasters,
        events: &[RecordedEvent],
        command: A::Command,
    ) -> Self {
        let last = events.last().map(|event| event.event.time.as_str());
        let at = time_of(last.unwrap_or(super::recorded::TIME)).expect("a time");
        let state = aggregate::state_of::<A>(upcasters, events);
        Self { state, at, command }
    }

    /// The command's own time, RFC 3339. Without it, it has the time of the
    /// last event.
    ///
    /// # Panics
    ///
    /// When it is no time.
    #[track_caller]
    pub fn at(mut self, time: &str) -> Self {
        self.at = time_of(time).expect("a time, RFC 3339");
        self
    }

    /// Checks which events are decided.
    ///
    /// # Panics
    ///
    /// When others are, or the command is rejected, or an event cannot be
    /// recorded.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let decision = self.decide();
        let decision = decision.unwrap_or_else(|rejection| panic!("rejected: {rejection}"));
        let expected: Vec<A::Event> = expected.into_iter().collect();
        pretty_assertions::assert_eq!(told(&decision.events), told(&expected));
    }

    /// Checks why the command is rejected.
    ///
    /// # Panics
    ///
    /// When it is accepted, or rejected for another reason.
    #[track_caller]
    pub fn then_rejected(self, expected: A::Rejection) {
        match self.decide() {
            Ok(decision) => panic!("accepted: {:?}", told(&decision.events)),
            Err(rejection) => {
                pretty_assertions::assert_eq!(told_why(&rejection), told_why(&expected));
            }
        }
    }

    /// Checks which values are claimed, and which are released.
    ///
    /// # Panics
    ///
    /// When others are, or the command is rejected.
    #[track_caller]
    pub fn then_unique(self, claimed: &[Unique], released: &[Unique]) {
        let decision = self.decide();
        let decision = decision.unwrap_or_else(|rejection| panic!("rejected: {rejection}"));
        let claims = decision.claims.into_iter().map(|(unique, _)| unique);
        pretty_assertions::assert_eq!(claims.collect::<Vec<_>>(), claimed);
        pretty_assertions::assert_eq!(decision.releases, released);
    }

    /// The decision.
    ///
    /// # Errors
    ///
    /// The aggregate's rejection.
    ///
    /// # Panics
    ///
    /// When the data of an event given does not fit.
    #[track_caller]
    pub fn decide(self) -> Result<Decision<A>, A::Rejection> {
        let state = self.state.expect("events of the aggregate");
        state.decide(self.command, self.at)
    }
}

/// Events by type and data, to be compared.
#[track_caller]
pub(super) fn told<E: Event>(events: &[E]) -> Vec<(String, Value)> {
    let told = events.iter().map(|event| {
        let new = NewEvent::new("1", event).expect("an event that can be recorded");
        // What became of rows is recorded, and nobody emits it.
        if !E::CATEGORY.starts_with(CHANGES_CATEGORY) {
            assert_eq!(new.check(), Ok(()), "{new:?} cannot be recorded");
        }
        (new.event_type, new.data)
    });
    told.collect()
}

#[track_caller]
fn told_why<R: std::error::Error + serde::Serialize>(rejection: &R) -> (Value, String) {
    let json = serde_json::to_value(rejection).expect("a rejection that has a JSON");
    (json, rejection.to_string())
}
