//! A command on its way to an aggregate of a whole system.

use super::{answer::Answer, engine::Engine};
use crate::{
    Aggregate, NewCommand, RecordedEvent,
    command::{Command, Refusal},
    event::raw,
    fold::aggregate::refusal,
    testing::asked::told,
};
use serde_json::Value;

/// A command to an aggregate of a whole system, at the time that the clock
/// shows. Nothing is decided before a `then…`.
#[derive(Debug)]
#[must_use = "nothing is decided without a `then`"]
pub struct Sent<'a, A: Aggregate> {
    engine: &'a mut Engine,
    id: String,
    command: A::Command,
    /// What it has in the place of a key.
    unkeyed: String,
    key: Option<String>,
    expected: Option<u64>,
}

impl<'a, A: Aggregate> Sent<'a, A> {
    pub(super) fn new(
        engine: &'a mut Engine,
        id: &str,
        command: A::Command,
        unkeyed: String,
    ) -> Self {
        Self {
            engine,
            id: id.into(),
            command,
            unkeyed,
            key: None,
            expected: None,
        }
    }

    /// With this `Idempotency-Key`: sent again, it has the same answer and no
    /// other effect.
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.into());
        self
    }

    /// With this `If-Match`: the version that the last event of the stream has
    /// to have, 0 where it has to have none.
    pub fn expecting(mut self, version: u64) -> Self {
        self.expected = Some(version);
        self
    }

    /// Checks which events the aggregate's own stream gets.
    ///
    /// # Panics
    ///
    /// When it gets others, or the command is not accepted, or a reader stalls.
    #[track_caller]
    pub fn then(self, expected: impl IntoIterator<Item = A::Event>) {
        let expected: Vec<A::Event> = expected.into_iter().collect();
        let (own, events) = self.accepted();
        let events = events.iter().filter(|event| event.stream().id() == own);
        let events = events.map(|event| (event.event_type().to_string(), data(event)));
        pretty_assertions::assert_eq!(events.collect::<Vec<_>>(), told(&expected));
    }

    /// Checks that the command is accepted, whatever follows from it.
    ///
    /// # Panics
    ///
    /// When it is not, or a reader stalls.
    #[track_caller]
    pub fn then_accepted(self) {
        self.accepted();
    }

    /// Checks why the command is rejected, be it that another stream holds a
    /// unique value.
    ///
    /// # Panics
    ///
    /// When it is accepted, or rejected for another reason, or a reader stalls.
    #[track_caller]
    pub fn then_rejected(self, expected: A::Rejection) {
        let expected = refusal(&expected).expect("a rejection that has a JSON");
        match self.checked().1 {
            Answer::Rejected(rejected) => pretty_assertions::assert_eq!(rejected, expected),
            answer => panic!("not rejected: {}", words(&answer)),
        }
    }

    /// What becomes of the command.
    ///
    /// # Panics
    ///
    /// When no aggregate decides about it, or there is no answer: the aggregate
    /// panics, decides what cannot be recorded, or an event of its stream cannot
    /// be folded.
    #[track_caller]
    pub fn answer(self) -> Answer {
        self.answered().1
    }

    #[track_caller]
    fn accepted(self) -> (String, Vec<RecordedEvent>) {
        match self.checked() {
            (own, Answer::Applied(events)) => (own, events),
            (_, answer) => panic!("not accepted: {}", words(&answer)),
        }
    }

    /// The id in the stream's name, and the answer.
    #[track_caller]
    fn checked(self) -> (String, Answer) {
        let (engine, own, answer) = self.sent();
        engine.check();
        (own, answer)
    }

    #[track_caller]
    fn answered(self) -> (String, Answer) {
        let (_, own, answer) = self.sent();
        (own, answer)
    }

    #[track_caller]
    fn sent(self) -> (&'a mut Engine, String, Answer) {
        let new = NewCommand::new(&self.id, &self.command).expect("a command that has a JSON");
        let service = self.engine.service.clone();
        let category = new.stream.category();
        let Some(decider) = service.decider(category) else {
            panic!("no aggregate decides about `{category}`: register it");
        };
        let own = new.stream.id().to_string();
        let command = Command {
            is_keyed: self.key.is_some(),
            id: self.key.unwrap_or(self.unkeyed),
            stream: new.stream,
            command_type: new.command_type,
            data: raw(&new.data),
            at: self.engine.now,
            expected: self.expected,
            correlation: None,
            causation: None,
            depth: 0,
            is_imported: false,
        };
        if let Err(problem) = decider.check(&command.command_type, command.data.get()) {
            let why = problem.as_rejection();
            panic!("{} is not taken: {why}", command.command_type);
        }
        let answer = self.engine.decide(decider, &command);
        let answer = answer.unwrap_or_else(|why| panic!("it cannot be decided: {why}"));
        self.engine.go();
        (self.engine, own, answer)
    }
}

/// The data of an event, to be compared.
fn data(event: &RecordedEvent) -> Value {
    event.data().expect("an event has JSON data")
}

/// An answer in words.
fn words(answer: &Answer) -> String {
    match answer {
        Answer::Applied(events) => {
            let events = events.iter();
            let events: Vec<_> = events
                .map(|event| (event.event_type(), data(event)))
                .collect();
            format!("it is accepted with {events:?}")
        }
        Answer::Rejected(Refusal { name, reason, data }) => {
            format!("it is rejected, `{name}` {data}: {reason}")
        }
        Answer::VersionMismatch {
            stream,
            expected,
            actual,
        } => format!("{stream} has version {actual}, not {expected}"),
        Answer::KeyReused => "the key belongs to another command".into(),
    }
}
