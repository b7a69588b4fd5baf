//! The events of one stream on their way into the table: what is pending, what
//! is planned, and where the stream stands.

use super::outcome::Outcome;
use crate::{aws::clock::micros, event_table::event_store::Claim};
use rewind::{CloudEvent, Commit, Head, RecordedEvent, StreamName, commit};
use std::collections::{HashMap, VecDeque};

/// How often others may move the head of a turn, or a call may fail, before the
/// events are left to the next delivery.
const MAX_SETBACKS: u32 = 20;

/// An event that is not known to be recorded.
pub(super) struct Pending<'a> {
    /// Its place in the call.
    pub place: usize,
    pub event: &'a CloudEvent,
    pub claim: Claim,
    /// Its claim stood before this call: it may be recorded already.
    pub is_suspect: bool,
}

/// The events of one stream on their way into the table.
pub(super) struct StreamTurn<'a> {
    pub stream: &'a StreamName,
    pub head: Head,
    pub pending: VecDeque<Pending<'a>>,
    pub planned: VecDeque<Commit>,
    pub setbacks: u32,
    /// Whether each event gets its own commit: a commit of several was refused,
    /// and this shows which event is the reason.
    pub is_one_by_one: bool,
    /// Whether it was given up. Its head may then be wrong.
    pub is_broken: bool,
}

/// An event with the identity of an earlier event of the call.
pub(super) struct Repeat {
    pub place: usize,
    pub first: usize,
    /// Whether its content differs.
    pub is_rival: bool,
}

impl StreamTurn<'_> {
    /// Plans commits behind the head, where none are planned.
    pub fn plan(&mut self) {
        if self.planned.is_empty() {
            let most = if self.is_one_by_one { 1 } else { usize::MAX };
            let events = self.pending.iter().take(most);
            let events: Vec<&CloudEvent> = events.map(|pending| pending.event).collect();
            self.planned = commit::plan(self.head, &events, micros()).into();
        }
    }

    /// The first planned commit stands.
    pub fn recorded(&mut self, outcomes: &mut [Outcome]) {
        let Some(commit) = self.planned.pop_front() else {
            return;
        };
        for nth in 0..commit.length {
            let Some(pending) = self.pending.pop_front() else {
                return;
            };
            let recorded = RecordedEvent {
                event: pending.event.clone(),
                version: commit.version + nth,
                position: commit.position + nth,
            };
            outcomes[pending.place] = Outcome::Recorded {
                recorded: Box::new(recorded),
                is_new: true,
            };
        }
        self.head = commit.head();
    }

    /// The first planned commit is refused: its event, or its events one by one.
    pub fn refused(&mut self, reason: String, outcomes: &mut [Outcome]) {
        let length = self.planned.front().map_or(0, |commit| commit.length);
        self.planned.clear();
        if length > 1 {
            self.is_one_by_one = true;
        } else if let Some(pending) = self.pending.pop_front() {
            outcomes[pending.place] = Outcome::Refused(reason);
        }
    }

    /// An event that stands in the table is not pending.
    pub fn take_out(&mut self, recorded: RecordedEvent, outcomes: &mut [Outcome]) {
        let event = &recorded.event;
        let same = |p: &Pending<'_>| p.event.id == event.id && p.event.source == event.source;
        let Some(nth) = self.pending.iter().position(same) else {
            return;
        };
        if let Some(pending) = self.pending.remove(nth) {
            outcomes[pending.place] = Outcome::Recorded {
                recorded: Box::new(recorded),
                is_new: false,
            };
        }
    }

    /// Tries again, unless it was tried too often.
    pub fn set_back(&mut self, reason: &str, outcomes: &mut [Outcome]) {
        self.setbacks += 1;
        if self.setbacks > MAX_SETBACKS {
            self.give_up(reason, outcomes);
        }
    }

    /// Leaves all that is pending to the next delivery.
    pub fn give_up(&mut self, reason: &str, outcomes: &mut [Outcome]) {
        self.is_broken = true;
        self.planned.clear();
        for pending in self.pending.drain(..) {
            outcomes[pending.place] = Outcome::Failed(reason.to_string());
        }
    }

    /// Leaves this event and what follows it to the next delivery.
    pub fn give_up_from(&mut self, place: usize, reason: &str, outcomes: &mut [Outcome]) {
        let first = self
            .pending
            .iter()
            .position(|pending| pending.place == place);
        for pending in self.pending.split_off(first.unwrap_or(0)) {
            outcomes[pending.place] = Outcome::Failed(reason.to_string());
        }
    }
}

/// Sorts events into turns. An event that repeats an identity of the same call
/// is set aside, with the place of the first. Where events of different content
/// have one identity, it belongs to the one that the claim in `standing` names;
/// without a claim, to the first.
pub(super) fn in_turns<'a>(
    events: &'a [CloudEvent],
    claims: Vec<Claim>,
    standing: &HashMap<String, Claim>,
    outcomes: &mut [Outcome],
) -> (Vec<StreamTurn<'a>>, Vec<Repeat>) {
    let mut turns: Vec<StreamTurn<'a>> = Vec::new();
    let mut turn_of: HashMap<&StreamName, usize> = HashMap::new();
    let mut first_of: HashMap<String, (usize, String)> = HashMap::new();
    let mut repeats = Vec::new();
    for (place, (event, claim)) in events.iter().zip(claims).enumerate() {
        let owner = standing.get(&claim.identity);
        if owner.is_some_and(|owner| owner.fingerprint != claim.fingerprint) {
            outcomes[place] = Outcome::Conflict;
            continue;
        }
        if let Some((first, fingerprint)) = first_of.get(&claim.identity) {
            repeats.push(Repeat {
                place,
                first: *first,
                is_rival: *fingerprint != claim.fingerprint,
            });
            continue;
        }
        let first = (place, claim.fingerprint.clone());
        first_of.insert(claim.identity.clone(), first);
        let turn = *turn_of.entry(&event.stream).or_insert_with(|| {
            turns.push(StreamTurn {
                stream: &event.stream,
                head: Head::default(),
                pending: VecDeque::new(),
                planned: VecDeque::new(),
                setbacks: 0,
                is_one_by_one: false,
                is_broken: false,
            });
            turns.len() - 1
        });
        turns[turn].pending.push_back(Pending {
            place,
            event,
            claim,
            is_suspect: false,
        });
    }
    (turns, repeats)
}
