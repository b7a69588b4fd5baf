//! Pump's work: gives each event the next dense version of its stream and
//! records it once.
//!
//! Why each event is recorded exactly once. The sequencer reads a stream's head
//! *before* it claims the identities of the new events. So if another process
//! records one of these events, it does so behind that head. A commit is
//! inserted right behind the head. If the key is taken, another process was
//! faster: the sequencer reads what that process recorded, and drops those of
//! its own events that are among it. An older claim of an event says from which
//! version on the event may stand. If the event does not stand there, the
//! process that made the claim died, and the sequencer takes the claim over.
//!
//! Each commit stores the version of the stream's last reversal. It comes from
//! the head that the commit follows, so a stale head cannot store a wrong one:
//! its insert fails.

use super::{
    heads::Heads,
    stream_turn::{StreamTurn, in_turns},
};
use crate::{
    aws::retry,
    event_table::event_store::{Claim, EventStore, Inserted},
};
use futures::{StreamExt, stream};
use rewind::{CloudEvent, Commit, Head, StreamName, claimed::Claimed};
use std::collections::{HashMap, HashSet};

pub use super::outcome::Outcome;

/// With at least so many unknown streams, one request asks which of them are
/// new, before the heads of the others are read one by one.
const WORTH_A_LOOK: usize = 4;

/// Reads under way at once.
const CONCURRENCY: usize = 16;

/// Records events in dense, exactly-once order.
#[derive(Debug)]
pub struct Sequencer {
    store: EventStore,
    heads: Heads,
}

impl Sequencer {
    /// A sequencer on an events table.
    pub fn new(store: EventStore) -> Self {
        Self {
            store,
            heads: Heads::default(),
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
        let (mut turns, repeats) = in_turns(events, claims, &standing, &mut outcomes);
        self.find_heads(&mut turns, &mut outcomes).await;
        self.find_appended(&mut turns, &mut outcomes).await;
        self.claim(&mut turns, &mut outcomes).await;
        self.find_suspects(&mut turns, &mut outcomes).await;
        self.append(&mut turns, &mut outcomes).await;
        for repeat in repeats {
            outcomes[repeat.place] = match &outcomes[repeat.first] {
                Outcome::Recorded { .. } if repeat.is_rival => Outcome::Conflict,
                Outcome::Conflict if repeat.is_rival => {
                    // It may belong to this event: the next delivery shows it.
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

    /// Finds the head of each stream. This comes before any claim.
    async fn find_heads(&self, turns: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        let streams: Vec<&StreamName> = turns.iter().map(|turn| turn.stream).collect();
        let new = &self.new_streams(&streams).await;
        let heads = stream::iter(streams)
            .map(|stream| async move {
                match self.heads.get(stream) {
                    Some(head) => Ok(head),
                    None if new.contains(stream) => Ok(Head::default()),
                    None => self.store.head(stream).await,
                }
            })
            .buffered(CONCURRENCY)
            .collect::<Vec<_>>()
            .await;
        for (turn, head) in turns.iter_mut().zip(heads) {
            match head {
                Ok(head) => turn.head = head,
                Err(error) => turn.give_up(&error.to_string(), outcomes),
            }
        }
    }

    /// Looks for events of an import that were recorded here before, in a
    /// transaction: most of them have no claim of their own.
    async fn find_appended(&self, turns: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        for turn in turns {
            for pending in &mut turn.pending {
                pending.is_suspect = pending.event.claimed() != Claimed::ByItself;
            }
            if turn.pending.iter().any(|pending| pending.is_suspect) {
                self.look(turn, 1, outcomes).await;
            }
            for pending in &mut turn.pending {
                pending.claim.from = turn.head.version + 1;
            }
        }
    }

    /// The streams among these that are new, where one request for all of them
    /// pays.
    async fn new_streams<'a>(&self, streams: &[&'a StreamName]) -> HashSet<&'a StreamName> {
        let unknown = streams.iter().copied();
        let unknown = unknown.filter(|stream| self.heads.get(stream).is_none());
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
    async fn claim(&self, turns: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        let pending = turns.iter().flat_map(|turn| &turn.pending);
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
                turns
                    .iter_mut()
                    .for_each(|turn| turn.give_up(&reason, outcomes));
                return;
            }
        };
        let mut answers = answers.into_iter();
        for turn in turns {
            let mut failure = None;
            for mut pending in std::mem::take(&mut turn.pending) {
                let answer = answers.next();
                if failure.is_some() {
                    // What follows a failed event waits with it, in order.
                    turn.pending.push_back(pending);
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
                turn.pending.push_back(pending);
            }
            if let Some((place, reason)) = failure {
                turn.give_up_from(place, &reason, outcomes);
            }
        }
    }

    /// Looks for the events that were claimed before. Those that are recorded are
    /// not recorded again.
    async fn find_suspects(&self, turns: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        for turn in turns {
            let suspects = turn.pending.iter().filter(|pending| pending.is_suspect);
            let Some(from) = suspects.map(|suspect| suspect.claim.from).min() else {
                continue;
            };
            // From the head on as well: reading to the end moves it, and what
            // lies between may hold any event of the turn.
            let from = from.min(turn.head.version + 1);
            self.look(turn, from, outcomes).await;
        }
    }

    /// Reads the turn's stream from a version on and takes out of the turn what
    /// is recorded. Ends early when no suspect is left: the head then stays.
    async fn look(&self, turn: &mut StreamTurn<'_>, from: u64, outcomes: &mut [Outcome]) {
        let mut after = from - 1;
        let mut reached = None;
        loop {
            let page = match self.store.read(turn.stream, after).await {
                Ok(page) => page,
                Err(error) => return turn.give_up(&error.to_string(), outcomes),
            };
            for commit in &page.commits {
                let events = match commit.events() {
                    Ok(events) => events,
                    Err(error) => return turn.give_up(&error.to_string(), outcomes),
                };
                events
                    .into_iter()
                    .for_each(|event| turn.take_out(event, outcomes));
                reached = Some(commit.head());
                after = commit.last_version();
            }
            if !page.has_more {
                break;
            }
            if turn.pending.iter().all(|pending| !pending.is_suspect) {
                return;
            }
        }
        if let Some(head) = reached.filter(|head| head.version > turn.head.version) {
            turn.head = head;
        }
        for pending in &mut turn.pending {
            pending.is_suspect = false;
        }
    }

    /// Inserts the events in rounds, one commit of each stream a round. A commit
    /// is sent only when the one before it is in the table.
    async fn append(&self, turns: &mut [StreamTurn<'_>], outcomes: &mut [Outcome]) {
        let mut round = 0;
        loop {
            for turn in turns.iter_mut() {
                turn.plan();
            }
            let busy = turns.iter_mut().filter(|turn| !turn.planned.is_empty());
            let mut busy: Vec<&mut StreamTurn<'_>> = busy.collect();
            if busy.is_empty() {
                break;
            }
            let commits: Vec<&Commit> = busy.iter().filter_map(|l| l.planned.front()).collect();
            let answers = self.store.append(&commits).await;
            let mut had_failures = false;
            for (turn, answer) in busy.iter_mut().zip(answers) {
                match answer {
                    Inserted::New => turn.recorded(outcomes),
                    Inserted::Taken => {
                        self.heads.forget(turn.stream);
                        turn.planned.clear();
                        // The others may have recorded any of these events.
                        turn.pending.iter_mut().for_each(|p| p.is_suspect = true);
                        let from = turn.head.version + 1;
                        self.look(turn, from, outcomes).await;
                        turn.set_back("others record on this stream all the time", outcomes);
                    }
                    Inserted::Refused(reason) => turn.refused(reason, outcomes),
                    Inserted::Failed(reason) => {
                        had_failures = true;
                        turn.set_back(&reason, outcomes);
                    }
                }
            }
            round = if had_failures { round + 1 } else { 0 };
            if had_failures {
                retry::wait(round).await;
            }
        }
        for turn in turns.iter().filter(|turn| !turn.is_broken) {
            self.heads.put(turn.stream, turn.head);
        }
    }
}

/// The claim of an event. The version from which on it counts comes later.
fn claim_of(event: &CloudEvent) -> Claim {
    Claim {
        identity: event.identity(),
        fingerprint: event.fingerprint(),
        stream: event.stream.clone(),
        from: 0,
    }
}

/// The identities that events of different content have.
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
