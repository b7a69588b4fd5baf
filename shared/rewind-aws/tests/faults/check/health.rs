//! What `GET /health` says, beside what the tables and streams hold.

use super::{Seen, body_of};
use crate::{
    truth::{Recorded, Rows},
    world::World,
};
use rewind::StreamName;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The readers, with the partition of their watermarks.
const READERS: [(&str, &str, &[&str]); 14] = [
    ("sums@1", "sums@1#", &["count"]),
    ("fragile@1", "fragile@1#", &["count"]),
    ("hostile@1", "hostile@1#", &["count"]),
    ("notes@1", "notes@1#", &["note"]),
    ("hoards@1", "hoards@1#", &["hoard"]),
    ("digits@1", "digits@1~", &["count", "spread"]),
    ("shelves@1", "shelves@1~", &["count", "spread"]),
    ("adapter/feed", "adapter/feed~", &["input:feed"]),
    ("rule/note", "rule/note~", &["count"]),
    ("rule/scatter", "rule/scatter~", &["count"]),
    ("tills@1", "tills@1#", &["till"]),
    ("process/dun", "process/dun~", &["till", "count"]),
    ("journal/dun", "journal/dun~", &["process:dun"]),
    ("command/later", "command/later~", &["rewind:command"]),
];

/// Asks for the health of a world in which nothing runs, and compares.
/// `is_over` says that pump has taken all that came in: one that died before it
/// could say so may have done more than it says.
pub async fn check(world: &World, seen: &Seen, is_over: bool) -> Vec<String> {
    match asked(world).await {
        Ok(health) => compare(&health, seen, is_over),
        Err(violation) => vec![violation],
    }
}

/// The same where nothing is left to do: no shard fails either.
pub async fn check_final(world: &World, seen: &Seen) -> Vec<String> {
    let health = match asked(world).await {
        Ok(health) => health,
        Err(violation) => return vec![violation],
    };
    let failing = health["failing"].as_array().unwrap().iter();
    let failing = failing.map(|failing| format!("health: all is done, and told is {failing}"));
    let mut violations = compare(&health, seen, true);
    violations.extend(failing);
    violations
}

async fn asked(world: &World) -> Result<Value, String> {
    let answer = world.health().await;
    let health = body_of(&answer);
    match answer.status_code {
        200 => Ok(health),
        _ => Err(format!("health: {health}")),
    }
}

fn compare(health: &Value, seen: &Seen, is_over: bool) -> Vec<String> {
    let mut violations = Vec::new();
    let mut told_behind = BTreeSet::new();
    for (reader, owner, categories) in READERS {
        let truth = waiting(seen, owner, categories);
        let told = health["readers"].as_array().unwrap().iter();
        let told = told.filter(|told| told["reader"] == reader);
        let told: Vec<u64> = told.map(|told| told["events"].as_u64().unwrap()).collect();
        // It looks at the newest commits only, so that it may tell fewer.
        let is_seen = is_among_the_newest(seen, owner, categories);
        let is_told = matches!(told[..], [told] if told <= truth && (told > 0 || !is_seen));
        if told[..] != [0] {
            told_behind.insert(reader.to_string());
        }
        if !is_told {
            violations.push(format!(
                "health: {reader} is {truth} behind, told are {told:?}"
            ));
        }
    }
    let pump = &health["readers"][0];
    let pumped = pump["events"] == 0;
    if pump["reader"] != "pump" || (is_over && !pumped) {
        violations.push(format!("health: pump is done, told is {pump}"));
    }
    let told = health["stalled"].as_array().unwrap().iter();
    let told: BTreeMap<String, &Value> = told
        .map(|stall| {
            let (reader, stream) = (stall["reader"].as_str(), stall["stream"].as_str());
            let name = format!("{} {}", reader.unwrap(), stream.unwrap());
            (name, &stall["reason"])
        })
        .collect();
    let truth = stalled(&seen.rows);
    if told.keys().ne(truth.iter()) {
        violations.push(format!("health: {truth:?} are stalled, told are {told:?}"));
    }
    let conflicts = seen
        .table
        .streams
        .get("rewind-conflicts")
        .map_or(0, Vec::len);
    if health["conflicts"] != conflicts {
        violations.push(format!(
            "health: {conflicts} conflicts, told are {}",
            health["conflicts"]
        ));
    }
    // It goes by the clock of the machine, and deadlines here by another one.
    let mut readers = health["readers"].as_array().unwrap().iter();
    let timer = readers.find(|told| told["reader"] == "timer").unwrap();
    let due = timer["events"].as_u64().unwrap();
    let listed = seen.rows.keys();
    let listed = listed.filter(|(owner, _)| owner.starts_with("rewind#deadlines/"));
    if due > listed.count() as u64 {
        violations.push(format!("health: {timer}, and fewer are on the list"));
    }
    // What is told in a word follows from the rest.
    let failing = health["failing"].as_array().unwrap();
    let is_fine = told_behind.is_empty() && truth.is_empty() && failing.is_empty();
    let is_ok = is_fine && pumped && due == 0;
    if (health["status"] == "ok") != is_ok {
        violations.push(format!("health: ok should be {is_ok}, told is {health}"));
    }
    violations
}

/// How many events a reader has still to take of streams that are not stalled.
fn waiting(seen: &Seen, owner: &str, categories: &[&str]) -> u64 {
    let waiting = streams(seen, owner, categories);
    waiting.map(|(_, events)| events.len() as u64).sum()
}

/// The streams that a reader reads and that are not stalled, with the events
/// that it has still to take.
fn streams<'a>(
    seen: &'a Seen,
    owner: &str,
    categories: &[&str],
) -> impl Iterator<Item = (&'a String, &'a [Recorded])> {
    let streams = seen.table.streams.iter();
    streams.filter_map(move |(stream, events)| {
        let (category, id) = stream.split_once('-').unwrap();
        if !categories.contains(&category) {
            return None;
        }
        let key = if owner.ends_with('#') { id } else { stream };
        let row = seen.rows.get(&(owner.to_string(), key.to_string()));
        let (watermark, is_stalled) =
            row.map_or((0, false), |row| (row.watermark, row.stalled.is_some()));
        (!is_stalled).then(|| (stream, &events[watermark as usize..]))
    })
}

/// How many commits of each partition of the index `/health` looks at.
const LOOK: usize = 20;

/// Whether an event that waits is among the newest of its partition of the
/// index, so that `/health` has to see it.
fn is_among_the_newest(seen: &Seen, owner: &str, categories: &[&str]) -> bool {
    let slice = |stream: &str| StreamName::new(stream).unwrap().partition();
    let mut positions: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (stream, events) in &seen.table.streams {
        let of_slice = positions.entry(slice(stream)).or_default();
        of_slice.extend(events.iter().map(|event| event.position));
    }
    streams(seen, owner, categories).any(|(stream, waiting)| {
        let Some(last) = waiting.last() else {
            return false;
        };
        let newer = positions[&slice(stream)].iter();
        newer.filter(|position| **position > last.position).count() < LOOK
    })
}

/// Readers and streams that are stalled, as rows and checkpoints say.
fn stalled(rows: &Rows) -> BTreeSet<String> {
    let stalled = rows.iter().filter(|(_, row)| row.stalled.is_some());
    let stalled = stalled.map(|((owner, key), _)| match owner.strip_suffix('#') {
        // Rows of one stream have its id for their key.
        Some(reader) => format!("{reader} count-{key}"),
        None => format!("{} {key}", owner.trim_end_matches('~')),
    });
    let timers = rows.keys().filter(|(owner, _)| owner == "rewind#stalls");
    let timers = timers.filter(|(_, key)| key.starts_with("timer/"));
    stalled.chain(timers.map(|(_, key)| key.clone())).collect()
}
