//! Recorded once, in order, nothing else, and no conflict dropped silently.

use crate::{
    client::Client,
    fact::{Fact, Identity},
    truth::{Incoming, Recorded, Table},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use rewind::reserved::{COMMAND_RECEIVED, COMMAND_SOURCE};
use std::collections::{BTreeMap, BTreeSet};

const PUMP: &str = "/rewind/pump";
const CONFLICTS: &str = "rewind-conflicts";

/// Compares what the clients were told, what `incoming` holds and what the
/// table holds.
pub fn check(table: &Table, incoming: &[Vec<Incoming>], clients: &[Client]) -> Vec<String> {
    let mut violations = Vec::new();
    let records = || incoming.iter().flatten();
    let arrived: Vec<&Fact> = records()
        .filter_map(|(_, facts)| facts.as_ref())
        .flatten()
        .collect();
    let all = || table.streams.values().flatten();
    // What is decided was never on `incoming`: see `commands.rs`.
    let came_in = || all().filter(|event| !event.is_appended());
    let recorded: BTreeSet<&Fact> = came_in().map(|event| &event.fact).collect();

    // Accepted is durable, and nothing comes from nowhere.
    let known: BTreeSet<&Fact> = arrived.iter().copied().collect();
    for fact in clients
        .iter()
        .flat_map(|client| client.accepted.iter().flatten())
    {
        if !known.contains(fact) {
            violations.push(format!("accepted and not on `incoming`: {fact:?}"));
        }
    }
    let sent: BTreeSet<&Fact> = clients.iter().flat_map(|client| &client.sent).collect();
    for fact in known
        .iter()
        .filter(|fact| !fact.source.starts_with("/rewind/"))
    {
        let mut anonymous = (*fact).clone();
        anonymous.id = None;
        if !sent.contains(*fact) && !sent.contains(&anonymous) {
            violations.push(format!("nobody sent {fact:?}"));
        }
    }

    // Each identity once, as one of those who brought it.
    let identities: BTreeSet<Identity> = arrived.iter().map(|fact| fact.identity()).collect();
    let own = |fact: &&Fact| fact.source != PUMP;
    let standing: BTreeSet<Identity> = recorded
        .iter()
        .copied()
        .filter(own)
        .map(Fact::identity)
        .collect();
    for lost in identities.difference(&standing) {
        violations.push(format!("{lost:?} is on `incoming` and not recorded"));
    }
    for fact in recorded.iter().copied().filter(own) {
        if !known.contains(fact) {
            violations.push(format!("recorded, and never on `incoming`: {fact:?}"));
        }
    }
    // What came in the order of its numbers needs no claim, and may have one: of a
    // process that saw it late.
    let most = came_in().count() + claimed_together(table);
    let least = most - in_order(table);
    if !(least..=most).contains(&table.claims) {
        let claims = table.claims;
        violations.push(format!("{claims} claims, should be {least} to {most}"));
    }
    violations.extend(orders(table, &arrived, &recorded, clients));

    // What lost its identity to another one is reported, nothing else is.
    let losers: BTreeSet<Fact> = known
        .difference(&recorded)
        .map(|fact| (*fact).clone())
        .collect();
    let reports = table.streams.get(CONFLICTS).into_iter().flatten();
    let (of_pump, of_keys): (Vec<&Recorded>, Vec<&Recorded>) =
        reports.partition(|report| report.fact.source == PUMP);
    violations.extend(keys(table, &of_keys));
    let reports: Vec<Fact> = of_pump
        .into_iter()
        .map(|report| {
            let data = report.fact.data();
            Fact::read(&data, data["stream"].as_str())
        })
        .collect();
    let reported: BTreeSet<Fact> = reports.iter().cloned().collect();
    if reported.len() != reports.len() {
        violations.push("a conflict is reported twice".to_string());
    }
    for fact in losers.difference(&reported) {
        violations.push(format!("neither recorded nor reported: {fact:?}"));
    }
    for fact in reported.difference(&losers) {
        violations.push(format!("reported as a conflict for no reason: {fact:?}"));
    }

    // What is unreadable is parked once, byte by byte.
    let junk: BTreeMap<String, String> = records()
        .filter(|(_, facts)| facts.is_none())
        .map(|(record, _)| {
            (
                record.sequence_number.clone(),
                STANDARD.encode(&record.data),
            )
        })
        .collect();
    let parked = table.streams.get("rewind-unreadable").into_iter().flatten();
    let parked = parked.map(|event| {
        let data = event.fact.data();
        let text = |name: &str| data[name].as_str().unwrap_or_default().to_string();
        (text("sequenceNumber"), text("bytes"))
    });
    let parked: BTreeMap<String, String> = parked.collect();
    if parked != junk {
        violations.push(format!(
            "{} unreadable records, {} parked",
            junk.len(),
            parked.len()
        ));
    }
    violations
}

/// What waited under a key of another command is reported: it is recorded, and
/// the key has an outcome.
fn keys(table: &Table, reports: &[&Recorded]) -> Vec<String> {
    let all = || table.streams.values().flatten();
    let wrong = reports.iter().filter_map(|report| {
        let data = report.fact.data();
        let fact = Fact::read(&data, data["stream"].as_str());
        let waits = fact.kind == COMMAND_RECEIVED && all().any(|event| event.fact == fact);
        let mut decided = all().filter(|event| event.fact.source == COMMAND_SOURCE);
        let has_outcome = decided.any(|event| event.command == fact.id);
        (!waits || !has_outcome).then(|| format!("reported for no reason: {fact:?}"))
    });
    wrong.collect()
}

/// How many events have a higher number than all of their client's before them.
fn in_order(table: &Table) -> usize {
    let mut in_order = 0;
    for (stream, events) in &table.streams {
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for event in events.iter().filter(|event| !event.is_appended()) {
            let id = event.fact.id.as_deref().unwrap_or_default();
            let number = id
                .strip_prefix('#')
                .and_then(|id| id.strip_prefix(&**stream));
            let number = number.and_then(|rest| rest.strip_prefix('/'));
            let Some(number) = number.map(|number| number.parse::<u64>().unwrap()) else {
                continue;
            };
            let last = last.entry(&event.fact.source).or_insert(0);
            in_order += usize::from(number > *last);
            *last = number.max(*last);
        }
    }
    in_order
}

/// How many claims there are for all that was recorded in one transaction: one
/// for each command with a key, one for each run of a journal.
fn claimed_together(table: &Table) -> usize {
    let appended = table.streams.values().flatten();
    let appended = appended.filter(|event| event.is_appended());
    let (decided, journals): (Vec<&Recorded>, Vec<&Recorded>) =
        appended.partition(|event| event.command.is_some());
    let keyed = decided
        .iter()
        .filter(|event| event.fact.source == COMMAND_SOURCE);
    let keys: BTreeSet<&String> = keyed.filter_map(|event| event.command.as_ref()).collect();
    let causes: BTreeSet<&String> = journals.iter().filter_map(|e| e.cause.as_ref()).collect();
    keys.len() + causes.len()
}

/// Each stream keeps the order in which its events first arrived, and the
/// order of each request.
fn orders(
    table: &Table,
    arrived: &[&Fact],
    recorded: &BTreeSet<&Fact>,
    clients: &[Client],
) -> Vec<String> {
    let mut violations = Vec::new();
    let mut first: BTreeMap<&str, Vec<&Fact>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for fact in arrived.iter().filter(|fact| recorded.contains(**fact)) {
        if seen.insert(*fact) {
            first.entry(&fact.stream).or_default().push(fact);
        }
    }
    for (stream, facts) in &first {
        let stands: Vec<&Fact> = table.streams[*stream]
            .iter()
            .filter(|event| !event.is_appended())
            .map(|event| &event.fact)
            // pump's own reports stand between those that came in.
            .filter(|fact| fact.stream != CONFLICTS || fact.source != PUMP)
            .collect();
        if stands != *facts {
            let ids = |facts: &[&Fact]| {
                let ids = facts.iter().map(|fact| fact.id.clone().unwrap_or_default());
                ids.collect::<Vec<_>>().join(" ")
            };
            violations.push(format!(
                "{stream} is not in the order of arrival:\n  arrived  {}\n  recorded {}",
                ids(facts),
                ids(&stands)
            ));
        }
    }
    let mut version: BTreeMap<&Fact, u64> = BTreeMap::new();
    for event in table.streams.values().flatten() {
        version.insert(&event.fact, event.version);
    }
    for client in clients {
        let mut uses: BTreeMap<Identity, usize> = BTreeMap::new();
        for fact in &client.sent {
            *uses.entry(fact.identity()).or_default() += 1;
        }
        for request in &client.accepted {
            let mut reached: BTreeMap<&str, u64> = BTreeMap::new();
            // An event that was sent more than once may stand where another
            // request has brought it.
            let once = request
                .iter()
                .filter(|fact| uses.get(&fact.identity()) == Some(&1));
            for (fact, at) in once.filter_map(|fact| Some((fact, *version.get(fact)?))) {
                if reached
                    .insert(&fact.stream, at)
                    .is_some_and(|before| before > at)
                {
                    violations.push(format!("{fact:?} overtook its request"));
                }
            }
        }
    }
    violations
}
