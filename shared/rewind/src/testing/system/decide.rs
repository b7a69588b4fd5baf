//! Decides about commands, and records what follows, all of it or nothing.

use super::{answer::Answer, table::Table};
use crate::{
    CloudEvent, Decided, Decider, NewEvent, Plan, RecordedEvent, Rejection, State, StreamName,
    Timestamp,
    command::{Command, Refusal},
    reserved::{VALUE_CLAIMED, VALUE_RELEASED},
    reversal::{effective, place},
};
use serde::Deserialize;
use serde_json::json;

/// The most items of one DynamoDB transaction.
const MAX_TOGETHER: usize = 100;

/// What became of a command, and what was recorded for it.
type Done = (Answer, Vec<RecordedEvent>);

/// The data of both events of a unique value.
#[derive(Deserialize)]
struct Held {
    by: StreamName,
}

/// Decides about a command that was checked.
///
/// # Errors
///
/// Where there is no answer: an event of the stream cannot be folded, or the
/// decision cannot be recorded.
pub(super) fn decide(
    decider: &Decider,
    table: &mut Table,
    command: &Command,
    now: Timestamp,
) -> Result<Done, Rejection> {
    let fingerprint = command.fingerprint()?;
    if command.is_keyed
        && let Some((known, answer)) = table.outcome(&command.id)
    {
        let is_same = *known == fingerprint;
        let answer = is_same.then(|| answer.clone());
        return Ok((answer.unwrap_or(Answer::KeyReused), Vec::new()));
    }
    let actual = version(table, &command.stream);
    if let Some(expected) = command.expected.filter(|expected| *expected != actual) {
        let stream = command.stream.clone();
        return Ok((mismatch(stream, expected, actual), Vec::new()));
    }
    let state = state(decider, table, &command.stream)?;
    match decider.decide(&state, command)? {
        Decided::Rejected(refusal) => refuse(table, command, refusal, now),
        Decided::Accepted(plan) => match assembled(table, command, &plan)? {
            Ok(runs) => record(table, command, &runs, now),
            Err(Answer::Rejected(refusal)) => refuse(table, command, refusal, now),
            Err(answer) => Ok((answer, Vec::new())),
        },
    }
}

/// The state of an aggregate, as its stream counts. It goes through a snapshot,
/// so that a decision sees what a snapshot loses.
///
/// # Errors
///
/// When an event cannot be folded.
pub(super) fn state(
    decider: &Decider,
    table: &Table,
    stream: &StreamName,
) -> Result<State, Rejection> {
    let mut state = decider.begin();
    for event in effective(table.of(stream)) {
        decider.evolve(&mut state, event).map_err(|why| {
            let place = place(stream, event.version);
            Rejection::new(format!("{place} cannot be folded: {why}"))
        })?;
    }
    // One that cannot be read is of another time: the events tell it all.
    let snapshot = state.json().ok();
    let restored = snapshot.and_then(|snapshot| decider.restore(&snapshot));
    Ok(restored.unwrap_or(state))
}

/// Records that a command is refused, where it has a key: that is its outcome.
///
/// # Errors
///
/// When the key is empty.
pub(super) fn refuse(
    table: &mut Table,
    command: &Command,
    refusal: Refusal,
    now: Timestamp,
) -> Result<Done, Rejection> {
    let answer = Answer::Rejected(refusal.clone());
    let mut recorded = Vec::new();
    if command.is_keyed {
        let outcome = command.outcome(Some(refusal))?;
        recorded = table.append(&[outcome], now);
        table.keep_outcome(&command.id, command.fingerprint()?, &answer);
    }
    Ok((answer, recorded))
}

/// Runs of events, each of one stream, that a plan comes to as the streams
/// stand. The inner error is an answer: nothing is recorded of the plan.
fn assembled(
    table: &Table,
    command: &Command,
    plan: &Plan,
) -> Result<Result<Vec<Vec<CloudEvent>>, Answer>, Rejection> {
    // Without an event of its own stream, the outcome is the first event.
    let mut nth = plan.events.len().max(1);
    let mut also: Vec<Vec<CloudEvent>> = Vec::new();
    for other in &plan.others {
        let actual = version(table, &other.stream);
        let expected = other.expected.version();
        if let Some(expected) = expected.filter(|expected| *expected != actual) {
            return Ok(Err(mismatch(other.stream.clone(), expected, actual)));
        }
        nth += other.events.len();
        also.push(other.events.clone());
    }
    let by = &command.stream;
    let mut of_value = |value: &StreamName, event_type: &str| {
        let new = NewEvent::untyped(value.clone(), event_type, json!({"by": by}));
        also.push(vec![command.event(new, nth)]);
        nth += 1;
    };
    for claim in &plan.claims {
        match holder(table, &claim.stream)? {
            Some(holder) if holder != *by => {
                return Ok(Err(Answer::Rejected(claim.taken.clone())));
            }
            Some(_) => {}
            None => of_value(&claim.stream, VALUE_CLAIMED),
        }
    }
    for release in &plan.releases {
        if holder(table, release)?.as_ref() == Some(by) {
            of_value(release, VALUE_RELEASED);
        }
    }
    let own = match plan.events.is_empty() {
        false => plan.events.clone(),
        true if command.is_keyed || !also.is_empty() => vec![command.outcome(None)?],
        true => Vec::new(),
    };
    let runs = [own].into_iter().chain(also);
    let runs: Vec<Vec<CloudEvent>> = runs.filter(|run| !run.is_empty()).collect();
    if runs.len() >= MAX_TOGETHER {
        let count = runs.len() + 1;
        return Err(Rejection::new(format!(
            "it takes {count} items; at most {MAX_TOGETHER} are recorded together"
        )));
    }
    Ok(Ok(runs))
}

fn record(
    table: &mut Table,
    command: &Command,
    runs: &[Vec<CloudEvent>],
    now: Timestamp,
) -> Result<Done, Rejection> {
    let recorded = runs.iter().flat_map(|run| table.append(run, now));
    let recorded: Vec<RecordedEvent> = recorded.collect();
    let category = command.stream.category();
    let told = recorded.iter();
    let told = told.filter(|event| event.stream().category() == category);
    let answer = Answer::Applied(told.cloned().collect());
    if command.is_keyed {
        table.keep_outcome(&command.id, command.fingerprint()?, &answer);
    }
    Ok((answer, recorded))
}

/// The stream that holds a unique value.
fn holder(table: &Table, value: &StreamName) -> Result<Option<StreamName>, Rejection> {
    let last = effective(table.of(value)).last();
    match last.filter(|event| event.event_type() == VALUE_CLAIMED) {
        Some(claimed) => Ok(Some(claimed.data::<Held>()?.by)),
        None => Ok(None),
    }
}

fn version(table: &Table, stream: &StreamName) -> u64 {
    table.of(stream).last().map_or(0, |event| event.version)
}

fn mismatch(stream: StreamName, expected: u64, actual: u64) -> Answer {
    Answer::VersionMismatch {
        stream,
        expected,
        actual,
    }
}
