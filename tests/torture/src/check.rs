//! Compares the events table with the answers to the clients.

use crate::{
    plan::{self, Plan, SOURCE, number_of},
    sent::{Answer, Sent},
};
use rewind::{RecordedEvent, StreamName};
use rewind_aws::{audit::report::Counts, event_table::event_store::EventStore};
use serde_json::Value;
use std::collections::BTreeMap;

/// The number of problems that are named.
const NAMED: usize = 20;

/// The problems that were found.
#[derive(Default)]
pub struct Problems {
    named: Vec<String>,
    total: usize,
}

impl Problems {
    /// Adds one.
    pub fn add(&mut self, problem: String) {
        self.total += 1;
        if self.named.len() < NAMED {
            self.named.push(problem);
        }
    }

    /// Returns the first ones, and how many more there are.
    pub fn named(mut self) -> Vec<String> {
        if self.total > self.named.len() {
            let rest = self.total - self.named.len();
            self.named.push(format!("and {rest} more"));
        }
        self.named
    }
}

/// Returns the differences between the events table and the answers.
pub async fn check(
    plan: &Plan,
    sent: &Sent,
    events: &EventStore,
    counts: &Counts,
) -> Result<Vec<String>, String> {
    let mut problems = Problems::default();
    let mut times = vec![0u8; plan.events() as usize];
    let mut orders = Vec::new();
    let mut total = 0;
    for stream in plan.streams() {
        for recorded in read(events, &stream).await? {
            total += 1;
            match number(plan, &recorded) {
                Some(number) => {
                    times[number as usize] = times[number as usize].saturating_add(1);
                    if recorded.event_type() == "order-placed" {
                        orders.push(number);
                    }
                }
                None => {
                    let (version, id) = (recorded.version, &recorded.event.id);
                    problems.add(format!("{stream}@{version} holds {id}, which nobody sent"));
                }
            }
        }
    }
    for (number, times) in times.iter().enumerate() {
        let answer = sent.event(number as u64);
        let is_right = match answer {
            Answer::Unsent => *times == 0,
            Answer::Unknown => *times <= 1,
            Answer::Accepted => *times == 1,
        };
        if !is_right {
            let event = plan.event(number as u64);
            let stream = &event["subject"];
            problems.add(format!(
                "event {number} of {stream}: {answer:?}, and recorded {times} times"
            ));
        }
    }
    for number in orders {
        let stream = plan::order(number)?;
        let opened = read(events, stream.as_str()).await?.len();
        total += opened;
        if opened != 1 {
            problems.add(format!("{stream} was opened {opened} times"));
        }
        // The rule's command waits in a stream of its own.
        total += 1;
    }
    total += conflicts(plan, sent, events, &mut problems).await?;
    if counts.events != total as u64 {
        let found = counts.events;
        problems.add(format!(
            "{found} events are recorded where {total} were sent"
        ));
    }
    if counts.lagging > 0 || counts.stalled > 0 {
        let (lagging, stalled) = (counts.lagging, counts.stalled);
        problems.add(format!(
            "{lagging} readers of a stream lag, {stalled} are stalled"
        ));
    }
    Ok(problems.named())
}

/// Returns the number of an event if it has the content that was sent.
fn number(plan: &Plan, recorded: &RecordedEvent) -> Option<u64> {
    let event = &recorded.event;
    let number = number_of(&event.id)?;
    if event.source != SOURCE || number >= plan.events() {
        return None;
    }
    let sent = plan.event(number);
    let data: Value = event.data().ok()?;
    let is_same = sent["id"] == *event.id
        && sent["type"] == *event.event_type
        && sent["subject"] == *event.stream.as_str()
        && sent["data"] == data;
    is_same.then_some(number)
}

/// Checks that the refusal of every accepted impostor is recorded once. Returns
/// the number of refusals.
async fn conflicts(
    plan: &Plan,
    sent: &Sent,
    events: &EventStore,
    problems: &mut Problems,
) -> Result<usize, String> {
    let mut refused: BTreeMap<u64, usize> = BTreeMap::new();
    let reports = read(events, "rewind-conflicts").await?;
    for report in &reports {
        let data: Value = report.data().unwrap_or_default();
        let number = data["id"].as_str().and_then(number_of);
        let number = number.unwrap_or(u64::MAX);
        if number < plan.events() && data["data"] == plan.event(number)["data"] {
            problems.add(format!(
                "event {number} itself was refused at {}, not its impostor",
                report.event.time
            ));
            continue;
        }
        *refused.entry(number).or_default() += 1;
    }
    for (number, answer) in sent.impostors() {
        let times = refused.remove(&number).unwrap_or_default();
        if times > 1 || (times == 0 && answer == Answer::Accepted) {
            problems.add(format!(
                "impostor {number}: {answer:?}, refused {times} times"
            ));
        }
    }
    for number in refused.keys() {
        problems.add(format!("event {number} was refused as an impostor"));
    }
    Ok(reports.len())
}

/// Returns the events of a stream, whose versions are dense.
pub async fn read(events: &EventStore, stream: &str) -> Result<Vec<RecordedEvent>, String> {
    let stream = StreamName::new(stream).map_err(|bad| bad.to_string())?;
    let mut all: Vec<RecordedEvent> = Vec::new();
    loop {
        let after = all.last().map_or(0, |event| event.version);
        let page = events.read_events(&stream, after, u64::MAX).await;
        let (page, has_more) = page.map_err(|error| error.to_string())?;
        all.extend(page);
        if !has_more {
            return Ok(all);
        }
    }
}
