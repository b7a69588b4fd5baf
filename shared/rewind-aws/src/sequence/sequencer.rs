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
//! An event whose number tells that it is new needs no claim: see
//! [`rewind::numbers`]. All that was said of heads holds for it. One whose source
//! has come to its number before is looked for in the commit at which the source
//! did, and then claimed as all others are.
//!
//! Each commit stores the version of the stream's last reversal. It comes from
//! the head that the commit follows, so a stale head cannot store a wrong one:
//! its insert fails.

use super::{
    heads::Heads,
    stream_turn::{StreamTurn, in_turns, repeats},
};
use crate::{
    aws::retry,
    event_table::event_store::{Claim, EventStore, Inserted},
};
use futures::{StreamExt, stream};
use rewind::{CloudEvent, Commit, StreamName, claimed::Claimed, numbers::Numbers};
use std::collections::{HashMap, HashSet};

pub use super::outcome::Outcome;

/// With at least so many unknown streams, one request asks which of them have
/// begun, before the heads of those are read one by one.
const WORTH_A_LOOK: usize = 4;

/// Reads under way at once.
const CONCURRENCY: usize = 16;

/// Records events in dense, exactly-once order.
#[derive(Debug)]
pub struct Sequencer {
    store: EventStore,
    heads: Heads,
}

/// The turns of a call, or some of them.
type Turns<'t, 'e> = [&'t mut StreamTurn<'e>];

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
        let mut repeats = repeats(events);
        let rivals = repeats.iter().filter(|repeat| repeat.is_rival);
        let rivals: Vec<String> = rivals.map(|rival| events[rival.place].identity()).collect();
        let rivals: Vec<&str> = rivals.iter().map(String::as_str).collect();
        let standing = match self.store.claims(&rivals).await {
            Ok(standing) => standing,
            Err(error) => return vec![Outcome::Failed(error.to_string()); events.len()],
        };
        let mut turns = in_turns(events, &mut repeats, &standing, &mut outcomes);
        {
            let mut turns: Vec<&mut StreamTurn<'_>> = turns.iter_mut().collect();
            self.find_heads(&mut turns).await;
            self.find_appended(&mut turns).await;
            self.find_behind(&mut turns).await;
            self.vouch(&mut turns).await;
            self.append(&mut turns).await;
        }
        for (place, outcome) in turns.into_iter().flat_map(|turn| turn.outcomes) {
            outcomes[place] = outcome;
        }
        for repeat in repeats {
            outcomes[repeat.place] = match &outcomes[repeat.first] {
                Outcome::Recorded { .. } if repeat.is_rival => Outcome::Conflict,
                // The identity may belong to this one.
                Outcome::Conflict if repeat.is_rival => {
                    self.record_alone(&events[repeat.place]).await
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

    async fn record_alone(&self, event: &CloudEvent) -> Outcome {
        let alone = Box::pin(self.record(std::slice::from_ref(event)));
        let outcome = alone.await.pop();
        outcome.unwrap_or_else(|| Outcome::Failed("it got no outcome".into()))
    }

    /// Finds the head of each stream. This comes before any claim.
    async fn find_heads(&self, turns: &mut Turns<'_, '_>) {
        let mut unknown = Vec::new();
        for turn in turns.iter_mut() {
            match self.heads.get(turn.stream) {
                Some(head) => turn.head = head,
                None => unknown.push(&mut **turn),
            }
        }
        if unknown.len() >= WORTH_A_LOOK {
            unknown = self.find_begun(unknown).await;
        }
        stream::iter(unknown)
            .for_each_concurrent(CONCURRENCY, |turn| async move {
                match self.store.head(turn.stream).await {
                    Ok(head) => turn.head = head,
                    Err(error) => turn.give_up(&error.to_string()),
                }
            })
            .await;
    }

    /// Looks which of these streams have begun, and returns those whose heads have
    /// to be asked for. A new one has none; nor does it matter where all events of
    /// a turn are recorded: they are delivered again, by a process that has seen
    /// nothing of them.
    async fn find_begun<'t, 'e>(
        &self,
        turns: Vec<&'t mut StreamTurn<'e>>,
    ) -> Vec<&'t mut StreamTurn<'e>> {
        let streams: Vec<&StreamName> = turns.iter().map(|turn| turn.stream).collect();
        let Ok(begun) = self.store.begun(&streams).await else {
            // Without an answer, each head is asked for on its own.
            return turns;
        };
        let turns = turns.into_iter();
        let mut old: Vec<_> = turns
            .filter(|turn| begun.contains_key(turn.stream))
            .collect();
        if old.len() >= WORTH_A_LOOK {
            self.find_repeats(&mut old, &begun).await;
            old.retain_mut(|turn| {
                turn.is_headless = turn.pending.is_empty();
                !turn.is_headless
            });
        }
        old
    }

    /// Looks for events where they most likely stand if they are recorded: where
    /// their claims begin, or in the first commit, if their sources had come to
    /// their numbers there.
    async fn find_repeats(&self, turns: &mut Turns<'_, '_>, begun: &HashMap<StreamName, Numbers>) {
        let pending = turns.iter().flat_map(|turn| &turn.pending);
        let claimed = pending.filter(|pending| pending.numbered.is_none());
        let identities: Vec<String> = claimed.map(|one| one.event.identity()).collect();
        let wanted: Vec<&str> = identities.iter().map(String::as_str).collect();
        // It is found later what is not found here.
        let claims = self.store.claims(&wanted).await.unwrap_or_default();
        let of_claims = claims.values().map(|claim| (&claim.stream, claim.from));
        let by_number = turns.iter().filter_map(|turn| {
            let numbers = begun.get(turn.stream)?;
            let mut numbered = turn.pending.iter().filter_map(|one| one.numbered);
            let comes_first = numbered.any(|numbered| numbers.has_come(numbered));
            comes_first.then_some((turn.stream, 1))
        });
        let places: HashSet<(&StreamName, u64)> = of_claims.chain(by_number).collect();
        let places: Vec<(&StreamName, u64)> = places.into_iter().collect();
        let commits = self.store.standing(&places).await.unwrap_or_default();
        take_out(turns, &commits);
    }

    /// Looks for events of an import that were recorded here before, in a
    /// transaction: most of them have no claim of their own.
    async fn find_appended(&self, turns: &mut Turns<'_, '_>) {
        for turn in turns.iter_mut() {
            for pending in &mut turn.pending {
                pending.is_suspect = pending.event.claimed() != Claimed::ByItself;
            }
        }
        let suspicious = turns
            .iter_mut()
            .filter(|turn| turn.pending.iter().any(|pending| pending.is_suspect));
        stream::iter(suspicious)
            .for_each_concurrent(CONCURRENCY, |turn| self.look(turn, 1))
            .await;
    }

    /// Looks for the events whose sources have come to their numbers before, and
    /// takes out of the turns what is recorded.
    async fn find_behind(&self, turns: &mut Turns<'_, '_>) {
        stream::iter(turns.iter_mut())
            .for_each_concurrent(CONCURRENCY, |turn| async move {
                let behind = turn.behind();
                if behind.is_empty() {
                    return;
                }
                let below = turn.head.version;
                match self.store.numbered(turn.stream, below, behind).await {
                    Ok(found) => found.into_iter().for_each(|event| turn.take_out(event)),
                    Err(error) => turn.give_up(&error.to_string()),
                }
            })
            .await;
    }

    /// Makes sure of every event that it is new: by its number behind the head, or
    /// by a claim. A look for what was claimed before can move the head, and then a
    /// number tells less than it did.
    async fn vouch(&self, turns: &mut Turns<'_, '_>) {
        loop {
            turns.iter_mut().for_each(|turn| turn.number());
            if turns.iter().all(|turn| turn.is_vouched_for()) {
                return;
            }
            self.claim(turns).await;
            self.find_suspects(turns).await;
        }
    }

    /// Claims the identity of every event that needs it and has no claim yet.
    /// What belongs to other content is dropped as a conflict; what was claimed
    /// before becomes a suspect.
    async fn claim(&self, turns: &mut Turns<'_, '_>) {
        let mut claims: Vec<Claim> = Vec::new();
        for turn in turns.iter() {
            let unclaimed = turn.pending.iter();
            let unclaimed = unclaimed.filter(|pending| pending.is_unclaimed());
            let from = turn.head.version + 1;
            claims.extend(unclaimed.map(|pending| claim_of(pending.event, from)));
        }
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
                turns.iter_mut().for_each(|turn| turn.give_up(&reason));
                return;
            }
        };
        let mut answers = claims.into_iter().zip(answers);
        for turn in turns.iter_mut() {
            let mut failure = None;
            for mut pending in std::mem::take(&mut turn.pending) {
                let answer = match pending.is_unclaimed() {
                    true => answers.next(),
                    false => None,
                };
                let (Some((mut claim, answer)), None) = (answer, &failure) else {
                    // It needs no claim, or has one; or it follows a failed event
                    // and waits with it, in order.
                    turn.pending.push_back(pending);
                    continue;
                };
                match (answer, standing.get(&claim.identity)) {
                    (Inserted::New, _) => pending.claim = Some(claim),
                    (Inserted::Taken, Some(known)) => {
                        if known.fingerprint != claim.fingerprint {
                            turn.end(pending.place, Outcome::Conflict);
                            continue;
                        }
                        claim.from = known.from;
                        pending.claim = Some(claim);
                        pending.is_suspect = true;
                    }
                    (Inserted::Refused(reason), _) => {
                        turn.end(pending.place, Outcome::Refused(reason));
                        continue;
                    }
                    (Inserted::Failed(reason), _) => failure = Some((pending.place, reason)),
                    (answer, _) => failure = Some((pending.place, format!("claim: {answer:?}"))),
                }
                turn.pending.push_back(pending);
            }
            if let Some((place, reason)) = failure {
                turn.give_up_from(place, &reason);
            }
        }
    }

    /// Looks for the events that were claimed before. Those that are recorded are
    /// not recorded again. Most of them stand where their claims begin, which one
    /// request tells of a hundred streams.
    async fn find_suspects(&self, turns: &mut Turns<'_, '_>) {
        let mut suspicious: Vec<&mut StreamTurn<'_>> = turns
            .iter_mut()
            .map(|turn| &mut **turn)
            .filter(|turn| first_suspect(turn).is_some())
            .collect();
        if suspicious.len() >= WORTH_A_LOOK {
            let places: Vec<(&StreamName, u64)> = suspicious
                .iter()
                .filter_map(|turn| Some((turn.stream, first_suspect(turn)?)))
                .collect();
            // Without an answer, each stream is looked through on its own.
            let commits = self.store.standing(&places).await.unwrap_or_default();
            take_out(&mut suspicious, &commits);
        }
        stream::iter(suspicious)
            .for_each_concurrent(CONCURRENCY, |turn| async move {
                if let Some(from) = first_suspect(turn) {
                    // From the head on as well: reading to the end moves it, and
                    // what lies between may hold any event of the turn.
                    self.look(turn, from.min(turn.head.version + 1)).await;
                }
            })
            .await;
    }

    /// Reads the turn's stream from a version on and takes out of the turn what
    /// is recorded. Ends early when no suspect is left: the head then stays.
    async fn look(&self, turn: &mut StreamTurn<'_>, from: u64) {
        let mut after = from - 1;
        let mut reached = None;
        loop {
            let page = match self.store.read(turn.stream, after).await {
                Ok(page) => page,
                Err(error) => return turn.give_up(&error.to_string()),
            };
            for commit in &page.commits {
                let events = match commit.events() {
                    Ok(events) => events,
                    Err(error) => return turn.give_up(&error.to_string()),
                };
                events.into_iter().for_each(|event| turn.take_out(event));
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
    async fn append(&self, turns: &mut Turns<'_, '_>) {
        let mut round = 0;
        loop {
            for turn in turns.iter_mut() {
                turn.plan();
            }
            let busy = turns.iter_mut().filter(|turn| !turn.planned.is_empty());
            let busy: Vec<&mut StreamTurn<'_>> = busy.map(|turn| &mut **turn).collect();
            if busy.is_empty() {
                break;
            }
            let commits: Vec<&Commit> = busy.iter().filter_map(|l| l.planned.front()).collect();
            let answers = self.store.append(&commits).await;
            let mut had_failures = false;
            let mut overtaken = Vec::new();
            for (turn, answer) in busy.into_iter().zip(answers) {
                match answer {
                    Inserted::New => turn.recorded(),
                    Inserted::Taken => overtaken.push(turn),
                    Inserted::Refused(reason) => turn.refused(reason),
                    Inserted::Failed(reason) => {
                        had_failures = true;
                        turn.set_back(&reason);
                    }
                }
            }
            self.follow(&mut overtaken).await;
            round = if had_failures { round + 1 } else { 0 };
            if had_failures {
                retry::wait(round).await;
            }
        }
        for turn in turns.iter().filter(|turn| !turn.is_headless) {
            self.heads.put(turn.stream, turn.head.clone());
        }
    }

    /// Follows others who have recorded behind the heads of these turns: any of
    /// the events, or some after which a number tells no more that one is new.
    async fn follow(&self, turns: &mut Turns<'_, '_>) {
        stream::iter(turns.iter_mut())
            .for_each_concurrent(CONCURRENCY, |turn| async move {
                self.heads.forget(turn.stream);
                turn.planned.clear();
                turn.pending.iter_mut().for_each(|p| p.is_suspect = true);
                let from = turn.head.version + 1;
                self.look(turn, from).await;
                turn.set_back("others record on this stream all the time");
            })
            .await;
        self.vouch(turns).await;
    }
}

/// Takes out of turns what commits of their streams hold.
fn take_out(turns: &mut Turns<'_, '_>, commits: &[Commit]) {
    let mut of_stream: HashMap<&StreamName, Vec<&Commit>> = HashMap::new();
    for commit in commits {
        of_stream.entry(&commit.stream).or_default().push(commit);
    }
    for turn in turns {
        for commit in of_stream.get(turn.stream).into_iter().flatten() {
            match commit.events() {
                Ok(events) => events.into_iter().for_each(|event| turn.take_out(event)),
                Err(error) => turn.give_up(&error.to_string()),
            }
        }
    }
}

/// The lowest version from which on a suspect may stand.
fn first_suspect(turn: &StreamTurn<'_>) -> Option<u64> {
    let suspects = turn.pending.iter().filter(|pending| pending.is_suspect);
    let claims = suspects.filter_map(|suspect| suspect.claim.as_ref());
    claims.map(|claim| claim.from).min()
}

/// The claim of an event that stands at `from` or behind it, if it is recorded.
fn claim_of(event: &CloudEvent, from: u64) -> Claim {
    Claim {
        identity: event.identity(),
        fingerprint: event.fingerprint(),
        stream: event.stream.clone(),
        from,
    }
}
