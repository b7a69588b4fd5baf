//! Pump's work: gives each event the next dense version of its stream and
//! records it once.
//!
//! Why this is exactly once. A stream's head is known *before* the identities
//! of its new events are claimed, so whoever else records one of them does so
//! behind that head. A commit is inserted right behind the head; if the key is
//! taken, somebody was faster: what they recorded is read, and whatever of
//! ours is among it is ours no more. A claim that stood before says from which
//! version on to look; a claim whose event is nowhere to be found (its maker
//! died) is taken over.

use crate::{
    aws::retry,
    event_table::event_store::{Claim, EventStore, Inserted},
};
use futures::{StreamExt, stream};
use rewind::{CloudEvent, Commit, Head, RecordedEvent, StreamName, commit};
use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

/// How many streams' heads a process remembers. A remembered head may be
/// stale: the insert behind it then fails, and what was missed is read.
const REMEMBERED_HEADS: usize = 10_000;

/// From how many unknown streams on it is worth asking which of them are new,
/// before their heads are read one by one.
const WORTH_A_LOOK: usize = 4;

/// Reads under way at once.
const CONCURRENCY: usize = 16;

/// How often a lane may find its head moved by others, or a call failing,
/// before its events are left to the next delivery.
const MAX_SETBACKS: u32 = 20;

/// Records events in dense, exactly-once order.
#[derive(Debug)]
pub struct Sequencer {
    store: EventStore,
    heads: Mutex<HashMap<StreamName, Head>>,
}

/// What became of an event.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// It stands in the events table, since now or since before.
    Recorded {
        /// With its place.
        recorded: Box<RecordedEvent>,
        /// Whether this call recorded it.
        is_new: bool,
    },
    /// Its identity belongs to an event with other content.
    Conflict,
    /// The events table does not take it, now or later.
    Refused(String),
    /// Not recorded, or not known to be: to be tried again.
    Failed(String),
}

/// An event that is not known to be recorded.
struct Pending<'a> {
    /// Its place in the call.
    place: usize,
    event: &'a CloudEvent,
    claim: Claim,
    /// Its claim stood before this call: it may be recorded already.
    is_suspect: bool,
}

/// The events of one stream on their way into the table.
struct StreamTurn<'a> {
    stream: &'a StreamName,
    head: Head,
    pending: VecDeque<Pending<'a>>,
    planned: VecDeque<Commit>,
    setbacks: u32,
    /// A commit of several was refused: which event it is for shows when they
    /// come one by one.
    is_one_by_one: bool,
    /// Given up: its head is not to be relied on.
    is_broken: bool,
}

/// An event whose identity an event before it in the call has.
struct Repeat {
    place: usize,
    first: usize,
    /// Its content is another one.
    is_rival: bool,
}

impl Sequencer {
    /// A sequencer on an events table.
    pub fn new(store: EventStore) -> Self {
        Self {
            store,
            heads: Mutex::default(),
        }
    }

    /// Records events, in order within each stream. The outcome of each stands
    /// at its place in `events`.
    pub async fn record(&self, events: &[CloudEvent]) -> Vec<Outcome> {
        let mut outcomes = vec![Outcome::Failed("not tried".into()); events.len()];
        let claims: Vec<Claim> = events.iter().map(claim_of).collect();
        let standing = match self.store.claims(&rivals(&claims)).await {
            Ok(standing) => standing,
            Err(error) => return vec![Outcome::Failed(error.to_string()); events.len()],
        };
        let (mut lanes, repeats) = turns(events, claims, &standing, &mut outcomes);
        self.find_heads(&mut lanes, &mut outcomes).await;
        self.claim(&mut lanes, &mut outcomes).await;
        self.find_suspects(&mut lanes, &mut outcomes).await;
        self.append(&mut lanes, &mut outcomes).await;
        for repeat in repeats {
            outcomes[repeat.place] = match &outcomes[repeat.first] {
                Outcome::Recorded { .. } if repeat.is_rival => Outcome::Conflict,
                Outcome::Conflict if repeat.is_rival => {
                    // Perhaps it is this one's: the next delivery finds out.
                    Outcome::Failed("the identity was claimed meanwhile".into())
                }
                Outcome::Recorded { recorded, .. } => Outcome::Recorded {
                    recorded: recorded.clone(),
                    is_new: false,
                },
                other => other.clone(),
            };
        }
        outcomes
    }

    /// Learns where each stream stands: before anything is claimed.
    async fn find_heads(&self, lanes: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        let streams: Vec<&StreamName> = lanes.iter().map(|lane| lane.stream).collect();
        let new = &self.new_streams(&streams).await;
        let heads = stream::iter(streams)
            .map(|stream| async move {
                match self.remembered(stream) {
                    Some(head) => Ok(head),
                    None if new.contains(stream) => Ok(Head::default()),
                    None => self.store.head(stream).await,
                }
            })
            .buffered(CONCURRENCY)
            .collect::<Vec<_>>()
            .await;
        for (lane, head) in lanes.iter_mut().zip(heads) {
            match head {
                Ok(head) => lane.head = head,
                Err(error) => lane.give_up(&error.to_string(), outcomes),
            }
            for pending in &mut lane.pending {
                pending.claim.from = lane.head.version + 1;
            }
        }
    }

    /// Which of these streams are known to be new, where asking for all at once
    /// is worth it.
    async fn new_streams<'a>(&self, streams: &[&'a StreamName]) -> HashSet<&'a StreamName> {
        let unknown = streams.iter().copied();
        let unknown = unknown.filter(|stream| self.remembered(stream).is_none());
        let unknown: Vec<&StreamName> = unknown.collect();
        if unknown.len() < WORTH_A_LOOK {
            return HashSet::new();
        }
        // Without an answer, each head is asked for on its own.
        let new = self.store.new_streams(&unknown).await;
        new.unwrap_or_default()
    }

    /// Claims the identity of every event. What belongs to other content is
    /// dropped as a conflict; what was claimed before becomes a suspect.
    async fn claim(&self, lanes: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        let pending = lanes.iter().flat_map(|lane| &lane.pending);
        let claims: Vec<Claim> = pending.map(|pending| pending.claim.clone()).collect();
        let mut answers = self.store.claim(&claims).await;
        for attempt in 1..retry::ATTEMPTS {
            let failed = |nth: &usize| matches!(answers[*nth], Inserted::Failed(_));
            let again: Vec<usize> = (0..answers.len()).filter(failed).collect();
            if again.is_empty() {
                break;
            }
            retry::wait(attempt).await;
            let claims: Vec<Claim> = again.iter().map(|nth| claims[*nth].clone()).collect();
            let retried = self.store.claim(&claims).await;
            for (nth, answer) in again.into_iter().zip(retried) {
                answers[nth] = answer;
            }
        }
        let taken = claims.iter().zip(&answers);
        let taken = taken.filter(|(_, answer)| **answer == Inserted::Taken);
        let taken: Vec<&str> = taken.map(|(claim, _)| claim.identity.as_str()).collect();
        let standing = match self.store.claims(&taken).await {
            Ok(standing) => standing,
            Err(error) => {
                let reason = error.to_string();
                lanes
                    .iter_mut()
                    .for_each(|lane| lane.give_up(&reason, outcomes));
                return;
            }
        };
        let mut answers = answers.into_iter();
        for lane in lanes {
            let mut failure = None;
            for mut pending in std::mem::take(&mut lane.pending) {
                let answer = answers.next();
                if failure.is_some() {
                    // What follows a failed event waits with it, in order.
                    lane.pending.push_back(pending);
                    continue;
                }
                match (answer, standing.get(&pending.claim.identity)) {
                    (Some(Inserted::New), _) => {}
                    (Some(Inserted::Taken), Some(claim)) => {
                        if claim.fingerprint != pending.claim.fingerprint {
                            outcomes[pending.place] = Outcome::Conflict;
                            continue;
                        }
                        pending.claim.from = claim.from;
                        pending.is_suspect = true;
                    }
                    (Some(Inserted::Refused(reason)), _) => {
                        outcomes[pending.place] = Outcome::Refused(reason);
                        continue;
                    }
                    (Some(Inserted::Failed(reason)), _) => failure = Some((pending.place, reason)),
                    (answer, _) => failure = Some((pending.place, format!("claim: {answer:?}"))),
                }
                lane.pending.push_back(pending);
            }
            if let Some((place, reason)) = failure {
                lane.give_up_from(place, &reason, outcomes);
            }
        }
    }

    /// Looks for the events that were claimed before: where they are recorded,
    /// they are not recorded again.
    async fn find_suspects(&self, lanes: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        for lane in lanes {
            let suspects = lane.pending.iter().filter(|pending| pending.is_suspect);
            let Some(from) = suspects.map(|suspect| suspect.claim.from).min() else {
                continue;
            };
            // From the head on as well: reading to the end moves it, and what
            // lies between may hold any event of the lane.
            let from = from.min(lane.head.version + 1);
            self.look(lane, from, outcomes).await;
        }
    }

    /// Reads the lane's stream from a version on and takes out of the lane what
    /// is recorded. Ends early when no suspect is left: the head then stays.
    async fn look(&self, lane: &mut StreamTurn<'_>, from: u64, outcomes: &mut [Outcome]) {
        let mut after = from - 1;
        let mut reached = None;
        loop {
            let page = match self.store.read(lane.stream, after).await {
                Ok(page) => page,
                Err(error) => return lane.give_up(&error.to_string(), outcomes),
            };
            for commit in &page.commits {
                let events = match commit.events() {
                    Ok(events) => events,
                    Err(error) => return lane.give_up(&error.to_string(), outcomes),
                };
                events
                    .into_iter()
                    .for_each(|event| lane.take_out(event, outcomes));
                reached = Some(commit.head());
                after = commit.last_version();
            }
            if !page.has_more {
                break;
            }
            if lane.pending.iter().all(|pending| !pending.is_suspect) {
                return;
            }
        }
        if let Some(head) = reached.filter(|head| head.version > lane.head.version) {
            lane.head = head;
        }
        for pending in &mut lane.pending {
            pending.is_suspect = false;
        }
    }

    /// Inserts the lanes' events, one commit of each lane a round: a commit is
    /// never sent before the one in front of it stands.
    async fn append(&self, lanes: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        let mut round = 0;
        loop {
            for lane in lanes.iter_mut() {
                lane.plan();
            }
            let busy = lanes.iter_mut().filter(|lane| !lane.planned.is_empty());
            let mut busy: Vec<&mut StreamTurn<'_>> = busy.collect();
            if busy.is_empty() {
                break;
            }
            let commits: Vec<&Commit> = busy.iter().filter_map(|l| l.planned.front()).collect();
            let answers = self.store.append(&commits).await;
            let mut had_failures = false;
            for (lane, answer) in busy.iter_mut().zip(answers) {
                match answer {
                    Inserted::New => lane.recorded(outcomes),
                    Inserted::Taken => {
                        self.forget(lane.stream);
                        lane.planned.clear();
                        // Everything may be among what others recorded.
                        lane.pending.iter_mut().for_each(|p| p.is_suspect = true);
                        let from = lane.head.version + 1;
                        self.look(lane, from, outcomes).await;
                        lane.set_back("others record on this stream all the time", outcomes);
                    }
                    Inserted::Refused(reason) => lane.refused(reason, outcomes),
                    Inserted::Failed(reason) => {
                        had_failures = true;
                        lane.set_back(&reason, outcomes);
                    }
                }
            }
            round = if had_failures { round + 1 } else { 0 };
            if had_failures {
                retry::wait(round).await;
            }
        }
        for lane in lanes.iter().filter(|lane| !lane.is_broken) {
            self.remember(lane.stream, lane.head);
        }
    }

    fn remembered(&self, stream: &StreamName) -> Option<Head> {
        let heads = self.heads.lock().ok()?;
        heads.get(stream).copied()
    }

    fn remember(&self, stream: &StreamName, head: Head) {
        let Ok(mut heads) = self.heads.lock() else {
            return;
        };
        if heads.len() >= REMEMBERED_HEADS {
            heads.clear();
        }
        heads.insert(stream.clone(), head);
    }

    fn forget(&self, stream: &StreamName) {
        if let Ok(mut heads) = self.heads.lock() {
            heads.remove(stream);
        }
    }
}

/// What an event claims, before it is known from which version on.
fn claim_of(event: &CloudEvent) -> Claim {
    Claim {
        identity: event.identity(),
        fingerprint: event.fingerprint(),
        stream: event.stream.clone(),
        from: 0,
    }
}

/// The identities that are claimed for more than one content.
fn rivals(claims: &[Claim]) -> Vec<&str> {
    let mut first_of: HashMap<&str, &str> = HashMap::new();
    let rivals = claims.iter().filter(|claim| {
        let first = first_of
            .entry(&claim.identity)
            .or_insert(&claim.fingerprint);
        *first != claim.fingerprint
    });
    let rivals: HashSet<&str> = rivals.map(|claim| claim.identity.as_str()).collect();
    rivals.into_iter().collect()
}

/// Sorts events into lanes. What repeats an identity of the same call is set
/// aside, with the place of the first. Of rivals for an identity, the claim in
/// `standing` says whose it is; without one, the first comes first.
fn turns<'a>(
    events: &'a [CloudEvent],
    claims: Vec<Claim>,
    standing: &HashMap<String, Claim>,
    outcomes: &mut [Outcome],
) -> (Vec<StreamTurn<'a>>, Vec<Repeat>) {
    let mut lanes: Vec<StreamTurn<'a>> = Vec::new();
    let mut lane_of: HashMap<&StreamName, usize> = HashMap::new();
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
        let lane = *lane_of.entry(&event.stream).or_insert_with(|| {
            lanes.push(StreamTurn {
                stream: &event.stream,
                head: Head::default(),
                pending: VecDeque::new(),
                planned: VecDeque::new(),
                setbacks: 0,
                is_one_by_one: false,
                is_broken: false,
            });
            lanes.len() - 1
        });
        lanes[lane].pending.push_back(Pending {
            place,
            event,
            claim,
            is_suspect: false,
        });
    }
    (lanes, repeats)
}

impl StreamTurn<'_> {
    /// Plans commits behind the head, where none are planned.
    fn plan(&mut self) {
        if self.planned.is_empty() {
            let most = if self.is_one_by_one { 1 } else { usize::MAX };
            let events = self.pending.iter().take(most);
            let events: Vec<&CloudEvent> = events.map(|pending| pending.event).collect();
            self.planned = commit::plan(self.head, &events, now()).into();
        }
    }

    /// The first planned commit stands.
    fn recorded(&mut self, outcomes: &mut [Outcome]) {
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
    fn refused(&mut self, reason: String, outcomes: &mut [Outcome]) {
        let length = self.planned.front().map_or(0, |commit| commit.length);
        self.planned.clear();
        if length > 1 {
            self.is_one_by_one = true;
        } else if let Some(pending) = self.pending.pop_front() {
            outcomes[pending.place] = Outcome::Refused(reason);
        }
    }

    /// An event that stands in the table is not pending.
    fn take_out(&mut self, recorded: RecordedEvent, outcomes: &mut [Outcome]) {
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
    fn set_back(&mut self, reason: &str, outcomes: &mut [Outcome]) {
        self.setbacks += 1;
        if self.setbacks > MAX_SETBACKS {
            self.give_up(reason, outcomes);
        }
    }

    /// Leaves all that is pending to the next delivery.
    fn give_up(&mut self, reason: &str, outcomes: &mut [Outcome]) {
        self.is_broken = true;
        self.planned.clear();
        for pending in self.pending.drain(..) {
            outcomes[pending.place] = Outcome::Failed(reason.to_string());
        }
    }

    /// Leaves this event and what follows it to the next delivery.
    fn give_up_from(&mut self, place: usize, reason: &str, outcomes: &mut [Outcome]) {
        let first = self
            .pending
            .iter()
            .position(|pending| pending.place == place);
        for pending in self.pending.split_off(first.unwrap_or(0)) {
            outcomes[pending.place] = Outcome::Failed(reason.to_string());
        }
    }
}

/// Microseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}
