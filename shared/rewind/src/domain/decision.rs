//! Decisions: what follows from a command, all of it or nothing.

use super::aggregate::Aggregate;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What follows from a command: events, and what has to hold for them. All of
/// it is recorded together, or nothing.
///
/// Mostly it is events alone: `Ok([OrderEvent::Placed {}].into())`.
#[derive(Debug)]
pub struct Decision<A: Aggregate> {
    pub(crate) events: Vec<A::Event>,
    pub(crate) others: Vec<Other<A::Event>>,
    pub(crate) claims: Vec<(Unique, A::Rejection)>,
    pub(crate) releases: Vec<Unique>,
}

/// Events for another stream of the category.
#[derive(Debug)]
pub(crate) struct Other<E> {
    pub id: String,
    pub expected: Expected,
    pub events: Vec<E>,
}

/// Where a stream has to stand for a decision to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Anywhere.
    Any,
    /// It has no events.
    New,
    /// Its last event has this version.
    Version(u64),
}

impl Expected {
    /// The version that the last event must have; `None` where any is right.
    pub fn version(self) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::New => Some(0),
            Self::Version(version) => Some(version),
        }
    }
}

impl<A: Aggregate> Decision<A> {
    /// Nothing has to happen: the command is accepted all the same.
    pub fn nothing() -> Self {
        Self::from(Vec::new())
    }

    /// And the value is taken, for the stream of the aggregate. If another
    /// stream of the category holds it, the command is rejected for this reason.
    #[must_use]
    pub fn claim(mut self, unique: Unique, taken: A::Rejection) -> Self {
        self.claims.push((unique, taken));
        self
    }

    /// And the value is free again, where the stream of the aggregate holds it.
    #[must_use]
    pub fn release(mut self, unique: Unique) -> Self {
        self.releases.push(unique);
        self
    }

    /// And these events happen in the stream of another id of the category, if
    /// it stands where it is expected. A command finds no more than 100 items
    /// in its transaction: one for each stream, two for each value that is
    /// claimed or released, one for its key.
    #[must_use]
    pub fn and(
        mut self,
        id: impl Into<String>,
        expected: Expected,
        events: impl IntoIterator<Item = A::Event>,
    ) -> Self {
        self.others.push(Other {
            id: id.into(),
            expected,
            events: events.into_iter().collect(),
        });
        self
    }

    /// The events of the aggregate's own stream.
    pub fn events(&self) -> &[A::Event] {
        &self.events
    }
}

impl<A: Aggregate> From<Vec<A::Event>> for Decision<A> {
    fn from(events: Vec<A::Event>) -> Self {
        Self {
            events,
            others: Vec::new(),
            claims: Vec::new(),
            releases: Vec::new(),
        }
    }
}

impl<A: Aggregate, const N: usize> From<[A::Event; N]> for Decision<A> {
    fn from(events: [A::Event; N]) -> Self {
        Self::from(Vec::from(events))
    }
}

/// A value that at most one stream of a category holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unique {
    /// What it is a value of, such as `email`.
    pub name: &'static str,
    /// The hash of the value: the value itself stands nowhere.
    pub hash: String,
}

/// A value that at most one stream of the category may hold, under a name, such
/// as `unique("email", &email)`. Values are the same where their JSON is.
pub fn unique(name: &'static str, value: &(impl Serialize + ?Sized)) -> Unique {
    // What has no JSON is not told apart; a text, a number or a tuple has one.
    let text = serde_json::to_string(value).expect("a value that has a JSON text");
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()));
    Unique { name, hash }
}
