//! A whole service, with a clock that is turned by hand: given facts and
//! commands, then rows, events and actions of all that is registered.
//!
//! The folds are the product's. What stands in for AWS is small: a table in
//! memory, and a loop in the place of streams.

mod answer;
mod decide;
mod engine;
mod facts;
mod journals;
mod made;
mod outside;
mod reader;
mod rebuild;
mod rows;
mod sent;
mod table;
mod then;

use super::recorded::TIME;
use crate::{
    Command, Gateway, Request, Service, StreamName, Timestamp,
    record::command::time_of,
    reserved::{CHANGES_CATEGORY, COMMAND_CATEGORY, PROCESS_CATEGORY},
    reversal::{Effect, Reversal},
};
pub use answer::Answer;
use engine::Engine;
use jiff::SignedDuration;
pub use sent::Sent;

/// A whole service in memory, to be asked what becomes of facts, commands and
/// time.
///
/// All that is registered is at work: what a call leads to has happened when it
/// returns, through adapters, rules, aggregates, processes and projections,
/// over as many steps as it takes. Deadlines that are due then fire, in the
/// order of their times.
///
/// A reader that cannot go on is a stall, as in the product: other readers and
/// other streams go on. A `then…` fails where there is a stall that no
/// [`then_stalled`](Self::then_stalled) has asked for.
///
/// Rows, and the states of aggregates before each decision, go through their
/// JSON, so a test sees what a stored row or a snapshot would lose.
///
/// ```
/// use rewind::{Envelope, Event, Rejection, Service, SingleStreamProjection};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
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
/// let mut system = rewind::testing::system(Service::new().single_stream::<Votes>());
/// system.given("1", [Poll::Voted {}, Poll::Voted {}]);
/// system.reverse("poll-1", 2);
/// system.then_row::<Votes>("1", 1).rebuild();
/// ```
#[derive(Debug)]
pub struct System {
    engine: Engine,
    /// How many things the test has given.
    given: u64,
}

impl System {
    /// A system without a history.
    pub(super) fn of(service: Service) -> Self {
        Self {
            engine: Engine::new(service, time_of(TIME).expect("a time")),
            given: 0,
        }
    }

    /// Turns the clock to a time, RFC 3339. What is due until then fires, in the
    /// order of due times, and what follows from one has happened before the
    /// next one fires.
    ///
    /// The clock gives commands their time, and events and inputs that have
    /// none. It begins where the test says: the first turn may go anywhere.
    ///
    /// # Panics
    ///
    /// When it is no time, or an earlier one with something recorded.
    #[track_caller]
    pub fn at(&mut self, time: &str) -> &mut Self {
        self.turn(time_of(time).expect("a time, RFC 3339"))
    }

    /// Turns the clock on by so much. See [`at`](Self::at).
    ///
    /// # Panics
    ///
    /// When the time goes back, or beyond the year 9999.
    #[track_caller]
    pub fn after(&mut self, time: SignedDuration) -> &mut Self {
        let now = self.engine.now.checked_add(time);
        self.turn(now.expect("a time up to the year 9999"))
    }

    #[track_caller]
    fn turn(&mut self, until: Timestamp) -> &mut Self {
        let now = self.engine.now;
        if self.engine.table.count() == 0 {
            self.engine.now = until;
        }
        assert!(
            until >= self.engine.now,
            "the clock does not go back, from {now} to {until}"
        );
        self.engine.turn(until);
        self
    }

    /// Lets the outside behind a gateway answer from now on. Until then, calls
    /// wait.
    pub fn outside<G: Gateway>(
        &mut self,
        answer: impl FnMut(&Request) -> crate::Answer + 'static,
    ) -> &mut Self {
        self.engine.outside.answer(G::NAME, answer);
        self.engine.call_waiting(G::NAME);
        self.engine.go();
        self
    }

    /// Checks what a gateway has sent since the test looked last.
    ///
    /// # Panics
    ///
    /// When it has sent something else, or a reader stalls.
    #[track_caller]
    pub fn then_sent<G: Gateway>(
        &mut self,
        expected: impl IntoIterator<Item = Request>,
    ) -> &mut Self {
        self.engine.check();
        let sent = self.engine.outside.take(G::NAME);
        pretty_assertions::assert_eq!(sent, expected.into_iter().collect::<Vec<_>>());
        self
    }

    /// A command to the aggregate of this id, to be decided now. Nothing is
    /// decided before a `then…`.
    pub fn when<C: Command>(&mut self, id: &str, command: C) -> Sent<'_, C::Aggregate> {
        self.given += 1;
        let unkeyed = format!("test-{}", self.given);
        Sent::new(&mut self.engine, id, command, unkeyed)
    }

    /// Reverses the event at a version of a stream, such as `cart-1`. To reverse
    /// a reversal restores what it took back.
    ///
    /// # Panics
    ///
    /// When there is no such event, or it cannot be reversed: it is reversed
    /// already, or stands in a journal, in the stream of a command, or in one of
    /// changes of a row.
    #[track_caller]
    pub fn reverse(&mut self, stream: &str, version: u64) -> &mut Self {
        let stream = StreamName::new(stream).expect("a stream's name");
        let category = stream.category();
        assert!(
            category != COMMAND_CATEGORY
                && !category.starts_with(PROCESS_CATEGORY)
                && !category.starts_with(CHANGES_CATEGORY),
            "what became of a command or of a row, and what a process has done, stays so: reverse the event that it is about"
        );
        let events = self.engine.table.of(&stream);
        let mut named = events.iter().filter(|event| event.version == version);
        let Some(named) = named.next() else {
            panic!("{stream} has no version {version}; it has {}", events.len());
        };
        let reversals = self.engine.table.reversals(&stream, u64::MAX);
        if let Some(by) = reversals.by(version) {
            panic!("{stream}@{version} is reversed already, by version {by}");
        }
        let mut supposed = reversals.clone();
        supposed.suppose(version);
        if let Some(Effect::Nothing(root)) = supposed.effect(u64::MAX) {
            panic!("it would change nothing: another reversal of {stream}@{root} stands");
        }
        let reversal = Reversal {
            version,
            source: named.event.source.clone(),
            id: named.event.id.clone(),
            reason: "a test".into(),
            by: "a test".into(),
        };
        let now = self.engine.now.to_string();
        let event = reversal.event(named, reversals.times(version), now);
        self.engine.incoming.push_back(event);
        self.engine.go();
        self
    }
}
