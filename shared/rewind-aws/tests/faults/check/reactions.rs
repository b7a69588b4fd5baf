//! Each consequence of a recorded event emitted exactly once, in order.

use crate::{
    domain::{self, Input, SPOILT},
    fact::Fact,
    support::Number,
    truth::{Recorded, Table},
};
use rewind::{NewEvent, reversal::REVERSED};
use std::collections::{BTreeMap, BTreeSet};

/// What a reaction emits from an event.
type Emitted = Vec<(&'static str, Vec<NewEvent>)>;

/// Compares what follows from the table's events with what the reactions drew.
pub fn check(table: &Table) -> Vec<String> {
    let mut expected: Vec<Fact> = Vec::new();
    let mut violations = Vec::new();
    let places: BTreeMap<&Fact, u64> = table
        .streams
        .values()
        .flatten()
        .map(|event| (&event.fact, event.version))
        .collect();
    for (stream, events) in &table.streams {
        // Where the consequences of this stream have come to, by origin and by
        // the stream that they belong to.
        let mut reached: BTreeMap<(&str, String), u64> = BTreeMap::new();
        for event in events {
            for (origin, new_events) in emitted(event) {
                for (nth, draft) in new_events.into_iter().enumerate() {
                    let fact = consequence(event, origin, nth, &draft);
                    let to = (origin, fact.stream.clone());
                    let at = places.get(&fact).copied();
                    if let Some(at) = at
                        && reached.insert(to, at).is_some_and(|before| before > at)
                    {
                        violations.push(format!("{origin} of {stream}: out of order: {fact:?}"));
                    }
                    expected.push(fact);
                }
            }
        }
    }
    let expected: BTreeSet<&Fact> = expected.iter().collect();
    let is_drawn = |source: &str| {
        ["/rewind/adapter/", "/rewind/rule/"]
            .iter()
            .any(|p| source.starts_with(p))
    };
    let emitted: BTreeSet<&Fact> = places
        .keys()
        .copied()
        .filter(|fact| is_drawn(&fact.source))
        .collect();
    for fact in expected.difference(&emitted) {
        violations.push(format!("never emitted: {fact:?}"));
    }
    for fact in emitted.difference(&expected) {
        violations.push(format!("emitted from nothing: {fact:?}"));
    }
    violations
}

/// As long as nothing is mended, a cause that something spoilt is emitted from
/// leads to nothing: none of its new events is recorded without the others.
pub fn too_early(table: &Table) -> Vec<String> {
    let all = || table.streams.values().flatten();
    let spoilt = all().filter(|event| {
        let data = event.fact.data();
        let is_taken = event.fact.kind != REVERSED;
        is_taken
            && match event.fact.category() {
                "count" => data["n"] == SPOILT,
                "input:feed" => !data["spoils"].is_null(),
                _ => false,
            }
    });
    let origins = BTreeMap::from([
        ("count", "/rewind/rule/note"),
        ("input:feed", "/rewind/adapter/feed"),
    ]);
    let spoilt: BTreeSet<(&str, String)> = spoilt
        .map(|event| {
            let place = format!("{}@{}", event.fact.stream, event.version);
            (origins[event.fact.category()], place)
        })
        .collect();
    let is_of_spoilt = |fact: &Fact| {
        let id = fact.id.as_deref().unwrap_or_default();
        let (cause, _) = id.rsplit_once('/').unwrap_or_default();
        spoilt.contains(&(&fact.source, cause.to_string()))
    };
    let emitted = all()
        .map(|event| &event.fact)
        .filter(|fact| is_of_spoilt(fact));
    emitted
        .map(|fact| format!("emitted of what is spoilt: {fact:?}"))
        .collect()
}

fn emitted(event: &Recorded) -> Emitted {
    let fact = &event.fact;
    if fact.kind == REVERSED {
        return Vec::new();
    }
    match fact.category() {
        "input:feed" => {
            let input: Input = serde_json::from_value(fact.data()).unwrap();
            vec![("adapter/feed", input.emitted())]
        }
        "count" => {
            let counted: Number = serde_json::from_value(fact.data()).unwrap();
            let id = fact.stream.strip_prefix("count-").unwrap();
            vec![
                ("rule/note", domain::note(id, event.version, &counted)),
                ("rule/scatter", domain::scatter(id, event.version, &counted)),
            ]
        }
        _ => Vec::new(),
    }
}

/// The identity of a consequence depends on its cause alone.
fn consequence(cause: &Recorded, origin: &str, nth: usize, draft: &NewEvent) -> Fact {
    let id = format!("{}@{}/{nth}", cause.fact.stream, cause.version);
    let source = format!("/rewind/{origin}");
    Fact::new(
        Some(id),
        &source,
        &draft.event_type,
        draft.stream.as_str(),
        &draft.data,
    )
}
