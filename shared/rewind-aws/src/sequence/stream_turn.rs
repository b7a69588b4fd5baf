//! The events of one stream on their way into the table: what is pending, what
//! is planned, and where the stream stands.

use super::outcome::Outcome;
use crate::{aws::clock::micros, event_table::event_store::Claim};
use rewind::{
    CloudEvent, Commit, Head, RecordedEvent, StreamName, commit,
    numbers::{Numbered, Numbers, Standing},
};
use std::collections::{BTreeSet, HashMap, VecDeque};

/// How often others may move the head of a turn, or a call may fail, before the
/// events are left to the next delivery.
const MAX_SETBACKS: u32 = 20;

/// An event that is not known to be recorded.
pub(super) struct Pending<'a> {
    /// Its place in the call.
    pub place: usize,
    pub event: &'a CloudEvent,
    pub numbered: Option<Numbered>,
    /// Whether its number does not tell that it is new: its identity has to be
    /// claimed.
    pub needs_claim: bool,
    /// Once it is claimed.
    pub claim: Option<Claim>,
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
    /// Whether its head is not known: it was given up, or was never asked for.
    pub is_headless: bool,
    /// What became of events, by their places in the call.
    pub outcomes: Vec<(usize, Outcome)>,
}

/// An event with the identity of an earlier event of the call.
pub(super) struct Repeat {
    pub place: usize,
    pub first: usize,
    /// Whether its content differs.
    pub is_rival: bool,
}

impl<'a> StreamTurn<'a> {
    fn of(stream: &'a StreamName) -> Self {
        Self {
            stream,
            head: Head::default(),
            pending: VecDeque::new(),
            planned: VecDeque::new(),
            setbacks: 0,
            is_one_by_one: false,
            is_headless: false,
            outcomes: Vec::new(),
        }
    }

    fn push(&mut self, place: usize, event: &'a CloudEvent) {
        self.pending.push_back(Pending {
            place,
            event,
            numbered: event.numbered(),
            needs_claim: true,
            claim: None,
            is_suspect: false,
        });
    }

    /// Says what became of an event.
    pub fn end(&mut self, place: usize, outcome: Outcome) {
        self.outcomes.push((place, outcome));
    }

    /// Says which events are new by their numbers behind the head.
    pub fn number(&mut self) {
        let mut ahead: Option<Numbers> = None;
        for pending in &mut self.pending {
            let Some(numbered) = pending.numbered else {
                continue;
            };
            // What stands in front of it in this turn counts as well.
            let ahead = ahead.get_or_insert_with(|| self.head.numbers.clone());
            pending.needs_claim = ahead.standing(numbered) != Standing::New;
            ahead.take(numbered);
        }
    }

    /// Whether nothing has to be claimed.
    pub fn is_vouched_for(&self) -> bool {
        !self.pending.iter().any(Pending::is_unclaimed)
    }

    /// The numbers to which their sources have come before: their events may stand
    /// in the stream without a claim.
    pub fn behind(&self) -> BTreeSet<Numbered> {
        let numbered = self.pending.iter().filter_map(|pending| pending.numbered);
        let behind = numbered.filter(|numbered| self.head.numbers.has_come(*numbered));
        behind.collect()
    }

    /// Plans commits behind the head, where none are planned.
    pub fn plan(&mut self) {
        if self.planned.is_empty() {
            let most = if self.is_one_by_one { 1 } else { usize::MAX };
            let events = self.pending.iter().take(most);
            let events: Vec<&CloudEvent> = events.map(|pending| pending.event).collect();
            self.planned = commit::plan(self.head.clone(), &events, micros()).into();
        }
    }

    /// The first planned commit stands.
    pub fn recorded(&mut self) {
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
            let outcome = Outcome::Recorded {
                recorded: Box::new(recorded),
                is_new: true,
            };
            self.end(pending.place, outcome);
        }
        self.head = commit.head();
    }

    /// The first planned commit is refused: its event, or its events one by one.
    pub fn refused(&mut self, reason: String) {
        let length = self.planned.front().map_or(0, |commit| commit.length);
        self.planned.clear();
        if length > 1 {
            self.is_one_by_one = true;
        } else if let Some(pending) = self.pending.pop_front() {
            self.end(pending.place, Outcome::Refused(reason));
        }
    }

    /// An event that stands in the table is not pending. Whether it is the same
    /// event, its claim has told; without one, the contents are compared.
    pub fn take_out(&mut self, recorded: RecordedEvent) {
        let event = &recorded.event;
        let same = |p: &Pending<'_>| p.event.id == event.id && p.event.source == event.source;
        let Some(nth) = self.pending.iter().position(same) else {
            return;
        };
        let Some(pending) = self.pending.remove(nth) else {
            return;
        };
        let is_rival =
            pending.claim.is_none() && pending.event.fingerprint() != event.fingerprint();
        let outcome = match is_rival {
            true => Outcome::Conflict,
            false => Outcome::Recorded {
                recorded: Box::new(recorded),
                is_new: false,
            },
        };
        self.end(pending.place, outcome);
    }

    /// Tries again, unless it was tried too often.
    pub fn set_back(&mut self, reason: &str) {
        self.setbacks += 1;
        if self.setbacks > MAX_SETBACKS {
            self.give_up(reason);
        }
    }

    /// Leaves all that is pending to the next delivery.
    pub fn give_up(&mut self, reason: &str) {
        self.is_headless = true;
        self.planned.clear();
        for pending in std::mem::take(&mut self.pending) {
            self.end(pending.place, Outcome::Failed(reason.to_string()));
        }
    }

    /// Leaves this event and what follows it to the next delivery.
    pub fn give_up_from(&mut self, place: usize, reason: &str) {
        let first = self
            .pending
            .iter()
            .position(|pending| pending.place == place);
        for pending in self.pending.split_off(first.unwrap_or(0)) {
            self.end(pending.place, Outcome::Failed(reason.to_string()));
        }
    }
}

impl Pending<'_> {
    /// Whether its identity has to be claimed still.
    pub fn is_unclaimed(&self) -> bool {
        self.needs_claim && self.claim.is_none()
    }
}

/// Events that have the identity of an earlier one of the call, by their places.
pub(super) fn repeats(events: &[CloudEvent]) -> Vec<Repeat> {
    let mut first_of: HashMap<(&str, &str), usize> = HashMap::with_capacity(events.len());
    let mut repeats = Vec::new();
    for (place, event) in events.iter().enumerate() {
        let first = *first_of.entry((&event.source, &event.id)).or_insert(place);
        if first != place {
            repeats.push(Repeat {
                place,
                first,
                is_rival: event.fingerprint() != events[first].fingerprint(),
            });
        }
    }
    repeats
}

/// Sorts events into turns. Where events of different content have one identity,
/// it belongs to the one that the claim in `standing` names; without a claim, to
/// the first. What this settles is told at once; repeats stay out.
pub(super) fn in_turns<'a>(
    events: &'a [CloudEvent],
    repeats: &mut Vec<Repeat>,
    standing: &HashMap<String, Claim>,
    outcomes: &mut [Outcome],
) -> Vec<StreamTurn<'a>> {
    let mut is_out = vec![false; events.len()];
    if !standing.is_empty() {
        let mut first_of: HashMap<(&str, &str), usize> = HashMap::new();
        for (place, event) in events.iter().enumerate() {
            let Some(owner) = standing.get(&event.identity()) else {
                continue;
            };
            if owner.fingerprint != event.fingerprint() {
                outcomes[place] = Outcome::Conflict;
                is_out[place] = true;
                repeats.retain(|repeat| repeat.place != place);
                continue;
            }
            let first = *first_of.entry((&event.source, &event.id)).or_insert(place);
            match first == place {
                true => repeats.retain(|repeat| repeat.place != place),
                false => {
                    for repeat in repeats.iter_mut().filter(|repeat| repeat.place == place) {
                        (repeat.first, repeat.is_rival) = (first, false);
                    }
                }
            }
        }
    }
    for repeat in repeats.iter() {
        is_out[repeat.place] = true;
    }
    let mut turns: Vec<StreamTurn<'a>> = Vec::new();
    let mut turn_of: HashMap<&StreamName, usize> = HashMap::new();
    for (place, event) in events.iter().enumerate() {
        if is_out[place] {
            continue;
        }
        if event.is_misnumbered() {
            let why = "an id that begins with `#` numbers an event of its stream: `#STREAM/N`";
            outcomes[place] = Outcome::Refused(why.into());
            continue;
        }
        let turn = *turn_of.entry(&event.stream).or_insert_with(|| {
            turns.push(StreamTurn::of(&event.stream));
            turns.len() - 1
        });
        turns[turn].push(place, event);
    }
    turns
}
