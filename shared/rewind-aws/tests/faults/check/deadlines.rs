//! Deadlines: none early, none twice, none that was not open; and what a process
//! emits, once.

use super::Progress;
use crate::{
    till::is_watched,
    truth::{Recorded, Rows, Table},
    world::World,
};
use rewind::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// An open deadline: the version that has set it, and when it is due.
type Open = BTreeMap<String, (u64, Timestamp)>;

/// Checks the journals.
pub fn check(world: &World, table: &Table, rows: &Rows, progress: Progress) -> Vec<String> {
    let mut violations = Vec::new();
    for (stream, events) in &table.streams {
        if !stream.starts_with("process:dun-") {
            continue;
        }
        for (nth, event) in events.iter().enumerate() {
            if event.fact.kind != "deadline-reached" {
                continue;
            }
            let data = event.fact.data();
            let (set, at) = (data["set"].as_u64().unwrap(), time(&data));
            let open = open(&events[..nth]);
            let name = data["name"].as_str().unwrap();
            if open.get(name) != Some(&(set, at)) {
                let place = event.place();
                violations.push(format!("{place} was not open: {data}, open were {open:?}"));
            }
            let now = world.told_at(event.position);
            if at > now {
                violations.push(format!("{} is early: {data} at {now}", event.place()));
            }
        }
        let open = open(events);
        if progress == Progress::All && !open.is_empty() {
            violations.push(format!("{stream} still waits for {open:?}"));
        }
    }
    violations.extend(taken(table, progress));
    if progress == Progress::All {
        let listed = rows.keys();
        let listed = listed.filter(|(owner, _)| owner == "rewind#deadlines/");
        violations.extend(listed.map(|(_, key)| format!("{key} is on the list of deadlines")));
        violations.extend(emitted(table));
    }
    violations
}

fn time(data: &Value) -> Timestamp {
    data["at"].as_str().unwrap().parse().unwrap()
}

/// What is open after some events of a journal.
fn open(events: &[Recorded]) -> Open {
    let mut taken_back = BTreeSet::new();
    for event in events {
        let data = event.fact.data();
        let of = || format!("{}@{}", data["stream"].as_str().unwrap(), data["version"]);
        match event.fact.kind.as_str() {
            "event-taken-back" => taken_back.insert(of()),
            "event-restored" => taken_back.remove(&of()),
            _ => false,
        };
    }
    let mut open = Open::new();
    for event in events {
        let data = event.fact.data();
        if event
            .cause
            .as_ref()
            .is_some_and(|cause| taken_back.contains(cause))
        {
            // Nor what follows from it.
            taken_back.insert(event.place());
            continue;
        }
        let name = || data["name"].as_str().unwrap().to_string();
        match event.fact.kind.as_str() {
            "deadline-set" => {
                open.insert(name(), (event.version, time(&data)));
            }
            "deadline-cancelled" => {
                open.remove(&name());
            }
            "deadline-reached" => {
                let set = data["set"].as_u64().unwrap();
                if open.get(&name()).is_some_and(|open| open.0 == set) {
                    open.remove(&name());
                }
            }
            _ => {}
        }
    }
    open
}

/// Each event is taken once, and at the end all are that the process takes.
fn taken(table: &Table, progress: Progress) -> Vec<String> {
    let mut violations = Vec::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    for event in table.streams.values().flatten() {
        if event.fact.kind != "event-taken" {
            continue;
        }
        let id = event.fact.id.clone().unwrap();
        let data = event.fact.data();
        let of = format!(
            "{}@{}",
            data["subject"].as_str().unwrap_or_default(),
            data["version"]
        );
        if of != id {
            violations.push(format!("{} takes {of} as {id}", event.place()));
        }
        if !taken.insert(id) {
            violations.push(format!("{} is taken twice", event.place()));
        }
    }
    if progress != Progress::All {
        return violations;
    }
    let watched = |event: &&Recorded| match event.fact.category() {
        "till" => true,
        "count" => event.fact.data()["n"].as_u64().is_some_and(is_watched),
        _ => false,
    };
    let (back, reversals) = super::rows::all_taken_back(table);
    for event in table.streams.values().flatten().filter(watched) {
        let place = event.place();
        let counts = !back.contains(&place) && !reversals.contains(&place);
        if counts && !taken.contains(&place) {
            violations.push(format!("{place} was never taken"));
        }
    }
    violations
}

/// What the journals say was emitted is recorded once.
fn emitted(table: &Table) -> Vec<String> {
    let source = "/rewind/process/dun";
    let all = || table.streams.values().flatten();
    let journals = all().filter(|event| event.fact.stream.starts_with("process:dun-"));
    let given = journals.filter(|event| event.fact.kind == "event-emitted");
    let given: BTreeSet<String> = given.map(|event| format!("{}/0", event.place())).collect();
    let emitted = all().filter(|event| event.fact.source == source);
    let emitted = emitted.filter(|event| !event.fact.stream.starts_with("process:dun-"));
    let emitted: BTreeSet<String> = emitted
        .map(|event| event.fact.id.clone().unwrap())
        .collect();
    given
        .symmetric_difference(&emitted)
        .map(|id| format!("emitted by a process, or recorded, and not both: {id}"))
        .collect()
}
