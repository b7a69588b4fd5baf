//! What is recorded: the events table, in memory.

use super::answer::Answer;
use crate::{
    CloudEvent, Head, RecordedEvent, StreamName, Timestamp, commit,
    reversal::{LastReversal, Reversals},
};
use std::collections::{BTreeMap, HashMap};

/// All streams, and which identities are taken.
#[derive(Debug, Default)]
pub(super) struct Table {
    streams: BTreeMap<StreamName, Recorded>,
    /// By identity, what tells an event from another one of that identity.
    claims: HashMap<String, String>,
    /// By key, the command's fingerprint and what became of it.
    outcomes: HashMap<String, (String, Answer)>,
    /// How many events there are.
    count: usize,
}

#[derive(Debug, Default)]
struct Recorded {
    head: Head,
    events: Vec<RecordedEvent>,
}

/// Whether an identity was free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    /// It was.
    Yes,
    /// This very event has it.
    Before,
    /// Another event has it.
    ByAnother,
}

impl Table {
    /// The events of a stream.
    pub fn of(&self, stream: &StreamName) -> &[RecordedEvent] {
        self.streams.get(stream).map_or(&[], |known| &known.events)
    }

    /// All streams, by name.
    pub fn streams(&self) -> impl Iterator<Item = &StreamName> {
        self.streams.keys()
    }

    /// How many events there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Takes the identity of an event.
    pub fn claim(&mut self, event: &CloudEvent) -> Claimed {
        let fingerprint = event.fingerprint();
        match self.claims.get(&event.identity()) {
            Some(known) if *known == fingerprint => Claimed::Before,
            Some(_) => Claimed::ByAnother,
            None => {
                self.claims.insert(event.identity(), fingerprint);
                Claimed::Yes
            }
        }
    }

    /// Whether an identity is taken.
    pub fn stands(&self, identity: &str) -> bool {
        self.claims.contains_key(identity)
    }

    /// Records events of one stream behind its head, as commits are written and
    /// read.
    pub fn append(&mut self, events: &[CloudEvent], now: Timestamp) -> Vec<RecordedEvent> {
        let Some(first) = events.first() else {
            return Vec::new();
        };
        let known = self.streams.entry(first.stream.clone()).or_default();
        let before = known.events.len();
        let events: Vec<&CloudEvent> = events.iter().collect();
        let micros = u64::try_from(now.as_microsecond()).unwrap_or_default();
        for commit in commit::plan(known.head.clone(), &events, micros) {
            let events = commit.events();
            known
                .events
                .extend(events.expect("what was written is read"));
            known.head = commit.head();
        }
        let new = known.events[before..].to_vec();
        self.count += new.len();
        new
    }

    /// The reversals of a stream up to a version.
    pub fn reversals(&self, stream: &StreamName, through: u64) -> Reversals {
        let known = self.streams.get(stream);
        if known.is_none_or(|known| known.head.reversal == LastReversal::None) {
            return Reversals::default();
        }
        let events = self.of(stream).iter();
        Reversals::among(events.take_while(|event| event.version <= through))
    }

    /// Whether an event is taken back by the versions behind it, up to
    /// `through`. A reader that refuses it then passes it.
    pub fn is_taken_back(&self, stream: &StreamName, version: u64, through: u64) -> bool {
        let later = self.of(stream).iter();
        let later = later.filter(|event| event.version > version && event.version <= through);
        Reversals::among(later).taken_back().contains(&version)
    }

    /// The outcome of the command of a key.
    pub fn outcome(&self, key: &str) -> Option<&(String, Answer)> {
        self.outcomes.get(key)
    }

    /// Keeps the outcome of the command of a key, for ever.
    pub fn keep_outcome(&mut self, key: &str, fingerprint: String, answer: &Answer) {
        let outcome = (fingerprint, answer.clone());
        self.outcomes.insert(key.into(), outcome);
    }
}
