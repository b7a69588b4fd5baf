//! One outcome a key, and nothing decided that the rules do not allow.

use super::Progress;
use crate::{
    asker::{Asked, Asker, Told, ask, known},
    truth::{Recorded, Table},
    world::World,
};
use rewind::reserved::{
    COMMAND_ACCEPTED, COMMAND_CATEGORY, COMMAND_RECEIVED, COMMAND_REJECTED, COMMAND_SOURCE,
    UNIQUE_CATEGORY, VALUE_CLAIMED,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Compares what clients were told of commands with what the table holds, and
/// with what they are told now.
pub async fn check(
    world: &World,
    table: &Table,
    askers: &[Asker],
    progress: Progress,
) -> Vec<String> {
    let mut violations = rules(table);
    violations.extend(values(table));
    let mut keys: BTreeMap<&str, Vec<&Asked>> = BTreeMap::new();
    for asked in askers.iter().flat_map(|asker| &asker.asked) {
        match &asked.key {
            Some(key) => keys.entry(key).or_default().push(asked),
            None => violations.extend(unkeyed(table, asked)),
        }
    }
    let decided = decided(table);
    let process = world.quiet_microservice();
    for (key, asked) in &keys {
        let own = decided.get(key).map(Vec::as_slice).unwrap_or_default();
        violations.extend(outcome(key, asked, own));
        if progress != Progress::All {
            continue;
        }
        let now = known(&process, key).await;
        let told = || asked.iter().flat_map(|asked| &asked.told);
        let told_of = || told().filter(|told| told.is_outcome());
        if told_of().any(|told| Some(told) != now.as_ref()) {
            violations.push(format!("{key} is {now:?}, and told was {asked:?}"));
        }
        if told().any(|told| *told == Told::Later) && !now.as_ref().is_some_and(Told::is_outcome) {
            violations.push(format!("{key} was taken and is {now:?}"));
        }
        if now.is_none() {
            continue;
        }
        // Whoever asks again hears the same, under one body alone.
        let bodies: BTreeMap<(&str, String), &Asked> = asked
            .iter()
            .map(|asked| ((asked.till, asked.body.to_string()), *asked))
            .collect();
        let mut again = Vec::new();
        for asked in bodies.into_values() {
            again.push(ask(&process, asked).await);
        }
        let same = again.iter().filter(|told| Some(*told) == now.as_ref());
        let others = again.iter().filter(|told| **told == Told::Reused);
        if same.count() != 1 || others.count() + 1 != again.len() {
            violations.push(format!("{key} is {now:?}, asked again it is {again:?}"));
        }
    }
    if progress == Progress::All {
        violations.extend(given(table, &decided));
    }
    violations
}

/// What was recorded for each key.
fn decided(table: &Table) -> BTreeMap<&str, Vec<&Recorded>> {
    let mut decided: BTreeMap<&str, Vec<&Recorded>> = BTreeMap::new();
    for event in table.streams.values().flatten() {
        if let Some(command) = &event.command
            && event.fact.source == COMMAND_SOURCE
            && event.fact.kind != COMMAND_RECEIVED
        {
            decided.entry(command).or_default().push(event);
        }
    }
    decided
}

/// What is recorded for a key is one outcome: events, or a rejection, or that
/// nothing had to happen. It is what was told.
fn outcome(key: &str, asked: &[&Asked], own: &[&Recorded]) -> Vec<String> {
    let mut violations = Vec::new();
    let of = |kind: &str| own.iter().filter(|event| event.fact.kind == kind).count();
    let told = || asked.iter().flat_map(|asked| &asked.told);
    let is_one = match (of(COMMAND_REJECTED), of(COMMAND_ACCEPTED)) {
        (0, 0 | 1) => true,
        (1, 0) => own.len() == 1,
        _ => false,
    };
    if !is_one {
        violations.push(format!("{key} has several outcomes: {own:?}"));
    }
    let events: BTreeSet<String> = own
        .iter()
        .filter(|event| event.fact.category() == "till")
        .map(|event| event.place())
        .collect();
    for told in told() {
        let is_so = match told {
            Told::Applied(told) => places(told) == events && !own.is_empty(),
            Told::Rejected(_) => of(COMMAND_REJECTED) == 1,
            Told::Reused => asked.len() > 1,
            Told::NotThere | Told::Later | Told::Failed => true,
        };
        if !is_so {
            violations.push(format!("{key} was told {told:?}, recorded is {own:?}"));
        }
    }
    violations
}

/// What was told of a command without a key stands.
fn unkeyed(table: &Table, asked: &Asked) -> Vec<String> {
    let told = asked.told.iter().filter_map(|told| match told {
        Told::Applied(events) => Some(places(events)),
        _ => None,
    });
    let stands = |place: &String| {
        let (stream, version) = place.rsplit_once('@').unwrap();
        let stream = table.streams.get(stream);
        stream.is_some_and(|events| version.parse::<usize>().unwrap() <= events.len())
    };
    let lost = told.flatten().filter(|place| !stands(place));
    lost.map(|place| format!("{place} was answered and is not there"))
        .collect()
}

fn places(events: &Value) -> BTreeSet<String> {
    let events = events.as_array().unwrap().iter();
    events
        .map(|event| {
            format!(
                "{}@{}",
                event["subject"].as_str().unwrap(),
                event["version"]
            )
        })
        .collect()
}

/// Each till is what its rules allow.
fn rules(table: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    for (stream, events) in &table.streams {
        if !stream.starts_with("till-") {
            continue;
        }
        let (mut is_open, mut there) = (false, 0);
        for event in events {
            let amount = event.fact.data()["amount"].as_i64().unwrap_or_default();
            let kind = event.fact.kind.as_str();
            let is_allowed = match kind {
                "opened" => !is_open,
                "drawn" => is_open && amount <= there,
                "reminded" | "closed" => is_open,
                _ => true,
            };
            if !is_allowed {
                let (place, kind) = (event.place(), &event.fact.kind);
                violations.push(format!("{place} is {kind}, of {there}, open {is_open}"));
            }
            match kind {
                "opened" => is_open = true,
                "closed" => is_open = false,
                "paid" => there += amount,
                "drawn" => there -= amount,
                _ => {}
            }
        }
    }
    violations
}

/// Each value is held by at most one stream, in turn; those that are held are
/// those of the tills that are open.
fn values(table: &Table) -> Vec<String> {
    let mut violations = Vec::new();
    let mut held: BTreeSet<String> = BTreeSet::new();
    let prefix = format!("{UNIQUE_CATEGORY}-");
    for (stream, events) in &table.streams {
        if !stream.starts_with(&prefix) {
            continue;
        }
        let mut by: Option<String> = None;
        for event in events {
            let who = event.fact.data()["by"].as_str().unwrap().to_string();
            match (event.fact.kind == VALUE_CLAIMED, &by) {
                (true, None) => by = Some(who),
                (false, Some(holder)) if *holder == who => by = None,
                _ => violations.push(format!("{} by {who}, held by {by:?}", event.place())),
            }
        }
        if let Some(by) = by
            && !held.insert(by.clone())
        {
            violations.push(format!("{by} holds two labels"));
        }
    }
    let tills = table
        .streams
        .iter()
        .filter(|(name, _)| name.starts_with("till-"));
    let open = tills.filter(|(_, events)| {
        let mut events = events.iter().rev().map(|event| event.fact.kind.as_str());
        events.find(|kind| ["opened", "closed"].contains(kind)) == Some("opened")
    });
    let open: BTreeSet<String> = open.map(|(name, _)| name.clone()).collect();
    if open != held {
        violations.push(format!("{open:?} are open, {held:?} hold labels"));
    }
    violations
}

/// What a process gave is decided, once.
fn given(table: &Table, decided: &BTreeMap<&str, Vec<&Recorded>>) -> Vec<String> {
    let mut violations = Vec::new();
    let own = format!("{COMMAND_CATEGORY}-process");
    let waiting: BTreeMap<String, &Recorded> = table
        .streams
        .values()
        .flatten()
        .filter(|event| event.fact.kind == COMMAND_RECEIVED)
        .map(|event| (event.fact.id.clone().unwrap(), event))
        .collect();
    let mut issued = BTreeSet::new();
    for event in table.streams.values().flatten() {
        let is_journal = event.fact.stream.starts_with("process:dun-");
        if !is_journal || event.fact.kind != "command-issued" {
            continue;
        }
        let id = format!("process/dun/{}", event.place());
        match (waiting.get(&id), decided.get(id.as_str())) {
            (Some(_), Some(_)) => {}
            found => violations.push(format!("{id} was given, and came to {found:?}")),
        }
        issued.insert(id);
    }
    let others = waiting.keys().filter(|id| id.starts_with("process/"));
    for id in others.filter(|id| !issued.contains(*id)) {
        violations.push(format!("{id} was given by nobody ({own})"));
    }
    violations
}
