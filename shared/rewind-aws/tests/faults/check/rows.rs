//! Projected once: every row is the fold of its stream's events up to its
//! watermark, computed here.

use super::Progress;
use crate::{
    domain::BEAST,
    truth::{Recorded, Row, Rows, Table},
};
use rewind::reversal::REVERSED;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Which readers stand over one stream: rows by the stream's id, checkpoints by its
/// name.
const READERS: [(&str, &str); 15] = [
    ("sums@1#", "count"),
    ("fragile@1#", "count"),
    ("hostile@1#", "count"),
    ("notes@1#", "note"),
    ("digits@1~", "count"),
    ("digits@1~", "spread"),
    ("shelves@1~", "count"),
    ("shelves@1~", "spread"),
    ("adapter/feed~", "input:feed"),
    ("rule/note~", "count"),
    ("tills@1#", "till"),
    ("process/dun~", "till"),
    ("process/dun~", "count"),
    ("journal/dun~", "process:dun"),
    ("command/later~", "rewind:command"),
];

/// Compares rows and checkpoints with the table.
pub fn check(table: &Table, rows: &Rows, progress: Progress) -> Vec<String> {
    let mut violations = Vec::new();
    let mut digits = Counts::new();
    let mut shelves = Counts::new();
    let scatter = [("rule/scatter~", "count")];
    for (owner, category) in READERS.iter().chain(&scatter) {
        let streams = table.streams.iter();
        let streams = streams.filter(|(name, _)| name.split_once('-').unwrap().0 == *category);
        for (stream, events) in streams {
            let id = stream.split_once('-').unwrap().1;
            let is_mark = owner.ends_with('~');
            let key = if is_mark { stream.as_str() } else { id };
            let row = rows.get(&(owner.to_string(), key.to_string()));
            let watermark = row.map_or(0, |row| row.watermark) as usize;
            let name = format!("{owner}{key} at {watermark} of {}", events.len());
            if watermark > events.len() {
                violations.push(format!("{name} is ahead of its stream"));
                continue;
            }
            let expected = end(owner, events);
            let stalled = row.is_some_and(|row| row.stalled.is_some());
            let is_late = match progress {
                Progress::Moving | Progress::Any => false,
                Progress::AllButStalled => watermark < expected && !stalled,
                Progress::All => watermark < expected || stalled != (expected < events.len()),
            };
            if is_late {
                violations.push(format!("{name} is behind: {row:?}"));
            }
            let folded = &events[..watermark];
            match *owner {
                "digits@1~" => count_all(folded, &passed(row), digits_of, &mut digits),
                "shelves@1~" => count_all(folded, &passed(row), shelf_of, &mut shelves),
                _ if is_mark => {}
                _ => {
                    let state = row.map_or(Value::Null, |row| row.state.clone());
                    let fold = fold(owner, folded);
                    if state != fold {
                        violations.push(format!("{name} is {state}, should be {fold}"));
                    }
                }
            }
        }
    }
    let count = |state: &Value| state.as_u64().unwrap();
    violations.extend(check_counts("digits@1#", &digits, rows, count));
    let count = |state: &Value| state["seen"].as_u64().unwrap();
    violations.extend(check_counts("shelves@1#", &shelves, rows, count));
    if progress != Progress::Moving {
        violations.extend(check_stalls(rows, progress));
    }
    violations
}

/// Up to where a reader can come.
fn end(owner: &str, events: &[Recorded]) -> usize {
    let (taken_back, _) = taken_back(events);
    let is_beast =
        |event: &Recorded| event.fact.data()["n"] == BEAST && !taken_back.contains(&event.version);
    let beast = events.iter().position(is_beast);
    beast
        .filter(|_| owner == "digits@1~")
        .unwrap_or(events.len())
}

/// The events of all streams that were taken back, and the reversals.
pub fn all_taken_back(table: &Table) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut all, mut reversals) = (BTreeSet::new(), BTreeSet::new());
    for (stream, events) in &table.streams {
        let (taken_back, reversed) = taken_back(events);
        let place = |version: u64| format!("{stream}@{version}");
        all.extend(taken_back.into_iter().map(place));
        reversals.extend(reversed.into_iter().map(place));
    }
    (all, reversals)
}

/// The versions that were taken back, and those of the reversals: a later
/// reversal settles what an earlier one is worth.
fn taken_back(events: &[Recorded]) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let (mut taken_back, mut reversals) = (BTreeSet::new(), BTreeSet::new());
    for event in events
        .iter()
        .rev()
        .filter(|event| event.fact.kind == REVERSED)
    {
        reversals.insert(event.version);
        if !taken_back.contains(&event.version) {
            taken_back.insert(event.fact.data()["version"].as_u64().unwrap());
        }
    }
    (taken_back, reversals)
}

fn fold(owner: &str, events: &[Recorded]) -> Value {
    if events.is_empty() {
        return Value::Null;
    }
    let (taken_back, reversals) = taken_back(events);
    let counts = |event: &&Recorded| {
        !taken_back.contains(&event.version) && !reversals.contains(&event.version)
    };
    let data = events.iter().filter(counts);
    let data: Vec<Value> = data.map(|event| event.fact.data()).collect();
    match owner {
        "sums@1#" => {
            let seen: Vec<u64> = data
                .iter()
                .map(|data| data["n"].as_u64().unwrap())
                .collect();
            json!({"sum": seen.iter().sum::<u64>(), "seen": seen})
        }
        "fragile@1#" => json!(data.len()),
        "hostile@1#" => json!({"seen": data.len()}),
        "tills@1#" => {
            let amounts = events.iter().map(|event| {
                let amount = event.fact.data()["amount"].as_i64();
                match event.fact.kind.as_str() {
                    "drawn" => -amount.unwrap(),
                    _ => amount.unwrap_or_default(),
                }
            });
            json!(amounts.sum::<i64>())
        }
        _ => json!(data),
    }
}

/// How often each row of a key counted.
type Counts = BTreeMap<String, u64>;

/// Counts a stream's events into the rows that they touch. A row stays when
/// what touched it was taken back, unless nothing was ever folded into it.
fn count_all(
    events: &[Recorded],
    passed: &BTreeSet<u64>,
    keys: fn(&Recorded, u64) -> Vec<String>,
    counts: &mut Counts,
) {
    let (taken_back, reversals) = taken_back(events);
    let apart = apart(events, passed);
    for event in events {
        if reversals.contains(&event.version) {
            continue;
        }
        let n = event.fact.data()["n"].as_u64().unwrap();
        let counted = !taken_back.contains(&event.version);
        let times = u64::from(counted != apart.contains(&event.version));
        for key in keys(event, n) {
            *counts.entry(key).or_default() += times;
        }
    }
}

/// The versions that a checkpoint says were passed over.
fn passed(checkpoint: Option<&Row>) -> BTreeSet<u64> {
    let state = checkpoint.map(|checkpoint| &checkpoint.state["passed"]);
    let versions = state.and_then(Value::as_array).into_iter().flatten();
    versions.map(|version| version.as_u64().unwrap()).collect()
}

/// The events whose last change was passed over, so that the rows hold what was
/// before it.
fn apart(events: &[Recorded], passed: &BTreeSet<u64>) -> BTreeSet<u64> {
    let mut apart = BTreeSet::new();
    for (before, event) in events.iter().enumerate() {
        let mut root = event;
        while root.fact.kind == REVERSED {
            let named = root.fact.data()["version"].as_u64().unwrap();
            root = &events[named as usize - 1];
        }
        let root = root.version;
        let counts = |through: usize| !taken_back(&events[..through]).0.contains(&root);
        if passed.contains(&event.version) {
            apart.insert(root);
        } else if event.version != root && counts(before) != counts(before + 1) {
            apart.remove(&root);
        }
    }
    apart
}

fn digits_of(event: &Recorded, n: u64) -> Vec<String> {
    match event.fact.category() {
        _ if n == BEAST => Vec::new(),
        "spread" => (0..n).map(|row| format!("spread/{row}")).collect(),
        _ => vec![format!("digit/{}", n % 10)],
    }
}

fn shelf_of(_: &Recorded, n: u64) -> Vec<String> {
    vec![format!("shelf/{}", n % 3)]
}

/// Compares counts with the rows. A row that counts nothing need not be there:
/// what was taken back before the row could be stored never made one.
fn check_counts(
    owner: &str,
    expected: &Counts,
    rows: &Rows,
    count: impl Fn(&Value) -> u64,
) -> Vec<String> {
    let found = rows.iter().filter(|((of, _), _)| of == owner);
    let found = found.map(|((_, key), row)| (key.clone(), count(&row.state)));
    let found: Counts = found.collect();
    let keys: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
    let number = |counts: &Counts, key: &String| counts.get(key).copied().unwrap_or_default();
    let wrong = keys.into_iter();
    let wrong = wrong.filter(|key| number(expected, key) != number(&found, key));
    wrong
        .map(|key| {
            let (found, expected) = (found.get(key), expected.get(key));
            format!("{owner}{key} is {found:?}, should be {expected:?}")
        })
        .collect()
}

/// A report stands for each reader that is stalled, and for no other.
fn check_stalls(rows: &Rows, progress: Progress) -> Vec<String> {
    let reported = rows
        .iter()
        .filter(|((owner, _), _)| owner == "rewind#stalls");
    // The timer has no row: it is stalled as long as something is due.
    let reported =
        reported.filter(|((_, key), _)| !key.starts_with("timer/") || progress == Progress::All);
    let reported: BTreeSet<String> = reported.map(|((_, key), _)| key.clone()).collect();
    let stalled = rows.iter().filter(|(_, row)| row.stalled.is_some());
    let stalled = stalled.map(|((owner, key), _)| match owner.strip_suffix('#') {
        // Rows of one stream have its id for their key.
        Some(reader) => format!("{reader} count-{key}"),
        None => format!("{} {key}", owner.trim_end_matches('~')),
    });
    let stalled: BTreeSet<String> = stalled.collect();
    let unreported = stalled.difference(&reported);
    let unreported = unreported.map(|name| format!("stalled and not reported: {name}"));
    let outlived = reported.difference(&stalled);
    let outlived = outlived.map(|name| format!("reported and not stalled: {name}"));
    unreported.chain(outlived).collect()
}

/// The watermarks of a world: none ever goes back.
#[derive(Debug, Default)]
pub struct Watermarks(BTreeMap<(String, String), u64>);

impl Watermarks {
    /// Compares with the last time.
    pub fn moved(&mut self, rows: &Rows) -> Vec<String> {
        let mut violations = Vec::new();
        for ((owner, key), Row { watermark, .. }) in rows {
            let place = (owner.clone(), key.clone());
            let before = self.0.insert(place, *watermark).unwrap_or(0);
            if before > *watermark {
                violations.push(format!(
                    "{owner}{key} went back from {before} to {watermark}"
                ));
            }
        }
        violations
    }
}
