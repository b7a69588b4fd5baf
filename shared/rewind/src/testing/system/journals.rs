//! Journals: what processes take, follow and fire, recorded.

use super::table::{Claimed, Table};
use crate::{
    CloudEvent, Instance, RecordedEvent, Rejection, Runner, StreamName, Timestamp,
    fold::mode::Mode,
    reversal::{Effect, Reversal},
};
use std::collections::BTreeMap;

/// Instances as their journals were read last. They may be stale: what is behind
/// them is read.
pub(super) type Instances = BTreeMap<StreamName, Instance>;

/// An instance as it stands.
///
/// # Errors
///
/// When its journal cannot be folded.
pub(super) fn load(
    runner: &Runner,
    table: &Table,
    known: &Instances,
    journal: &StreamName,
) -> Result<Instance, Rejection> {
    let events = table.of(journal);
    let known = known.get(journal).cloned();
    let mut instance = known.unwrap_or_else(|| runner.begin(journal));
    let behind = &events[instance.version as usize..];
    if behind.iter().any(|event| runner.needs_whole(event)) {
        return runner.load(journal, events);
    }
    for event in behind {
        runner.evolve(&mut instance, event)?;
    }
    Ok(instance)
}

/// Takes an event that a process watches, once, or follows a reversal. What is
/// added to its journal is recorded.
///
/// # Errors
///
/// What the process rejects, a panic included.
pub(super) fn take(
    runner: &Runner,
    table: &mut Table,
    known: &Instances,
    event: &RecordedEvent,
    now: Timestamp,
) -> Result<Vec<RecordedEvent>, Rejection> {
    match Reversal::of(event)? {
        Some(_) => follow(runner, table, known, event, now),
        None => add(runner, table, known, event, now),
    }
}

fn add(
    runner: &Runner,
    table: &mut Table,
    known: &Instances,
    event: &RecordedEvent,
    now: Timestamp,
) -> Result<Vec<RecordedEvent>, Rejection> {
    let Some(journal) = runner.key(event)? else {
        return Ok(Vec::new());
    };
    if table.stands(&runner.taken_identity(event)) {
        return Ok(Vec::new());
    }
    let instance = load(runner, table, known, &journal)?;
    let run = runner.take(&instance, event, Mode::assumed())?;
    Ok(record(table, &run, now))
}

fn follow(
    runner: &Runner,
    table: &mut Table,
    known: &Instances,
    reversal: &RecordedEvent,
    now: Timestamp,
) -> Result<Vec<RecordedEvent>, Rejection> {
    let (stream, version) = (reversal.stream(), reversal.version);
    let reversals = table.reversals(stream, u64::MAX);
    let Some(effect) = reversals.lasting_effect(version) else {
        return Ok(Vec::new());
    };
    let root = table.of(stream)[effect.root() as usize - 1].clone();
    let Some(journal) = runner.key(&root)? else {
        return Ok(Vec::new());
    };
    let follows = runner.take_back(&journal, table.of(&journal), reversal, effect)?;
    match (follows, effect) {
        (Some(correction), _) => Ok(record(table, &[correction], now)),
        // It was not taken before: it is now.
        (None, Effect::Restored(_)) => add(runner, table, known, &root, now),
        (None, Effect::TakenBack(_) | Effect::Nothing(_)) => Ok(Vec::new()),
    }
}

/// Fires a deadline, where it is open.
///
/// # Errors
///
/// What the process rejects, a panic included.
pub(super) fn fire(
    runner: &Runner,
    table: &mut Table,
    known: &Instances,
    journal: &StreamName,
    (name, set): (&str, u64),
    now: Timestamp,
) -> Result<Option<Vec<RecordedEvent>>, Rejection> {
    let instance = load(runner, table, known, journal)?;
    let run = runner.fire(&instance, name, set, 0)?;
    Ok(run.map(|run| record(table, &run, now)))
}

/// Adds a run of events to a journal, once: its first event has the identity of
/// what it follows from.
fn record(table: &mut Table, run: &[CloudEvent], now: Timestamp) -> Vec<RecordedEvent> {
    match run.first().map(|first| table.claim(first)) {
        Some(Claimed::Yes) => table.append(run, now),
        None | Some(Claimed::Before | Claimed::ByAnother) => Vec::new(),
    }
}
