//! Compares what clients were told of commands with what is recorded, and with
//! what is told now.

use super::{
    load::{Sent, Told},
    plan::Plan,
};
use crate::check::{Problems, read};
use futures::{StreamExt, stream};
use rewind::reserved::COMMAND_ID;
use rewind_aws::{audit::report::Counts, event_table::event_store::EventStore};
use rewind_cli::client::Client;
use std::collections::BTreeMap;

/// Questions under way at once.
const CONCURRENCY: usize = 8;

/// How often a question is asked that is not answered: requests still fail.
const ATTEMPTS: u32 = 20;

/// What was found.
pub struct Checked {
    /// The problems.
    pub problems: Vec<String>,
    /// How many commands had which outcome.
    pub outcomes: String,
}

/// Returns the problems that were found.
pub async fn check(
    plan: &Plan,
    sent: &Sent,
    events: &EventStore,
    client: &Client,
    counts: &Counts,
) -> Result<Checked, String> {
    let mut problems = Problems::default();
    sent.wrong()
        .into_iter()
        .for_each(|wrong| problems.add(wrong));
    let mut recorded = recorded(plan, events).await?;
    let questions = (0..plan.commands()).map(|number| async move {
        let now = known(client, &plan.key(number)).await;
        (number, now)
    });
    let mut questions = stream::iter(questions).buffer_unordered(CONCURRENCY);
    let mut outcomes: BTreeMap<String, u64> = BTreeMap::new();
    while let Some((number, now)) = questions.next().await {
        let (key, now) = (plan.key(number), now?);
        let told = sent.told(number);
        if told.iter().any(|told| Some(told) != now.as_ref()) {
            problems.add(format!("{key} is {now:?}, clients were told {told:?}"));
        }
        let stands = recorded.remove(&key).unwrap_or_default();
        let expected = match &now {
            Some(Told::Applied(places)) => places.clone(),
            Some(Told::Rejected(_)) | None => Vec::new(),
        };
        if stands != expected {
            problems.add(format!("{key} is {now:?}, recorded are {stands:?}"));
        }
        let outcome = match &now {
            Some(Told::Applied(_)) => "applied".to_string(),
            Some(Told::Rejected(rejection)) => {
                rejection[0].as_str().unwrap_or_default().to_string()
            }
            None => "none, and nobody was told any".to_string(),
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    drop(questions);
    // What is left was decided for commands of processes.
    let given = recorded.len();
    for key in recorded.keys().filter(|key| !key.starts_with("process/")) {
        problems.add(format!("nobody has sent {key}"));
    }
    if counts.lagging > 0 || counts.stalled > 0 {
        let (lagging, stalled) = (counts.lagging, counts.stalled);
        problems.add(format!(
            "{lagging} readers of a stream lag, {stalled} are stalled"
        ));
    }
    if counts.orphan_claims > 0 {
        let orphans = counts.orphan_claims;
        problems.add(format!("{orphans} claims without an event"));
    }
    let outcomes = outcomes
        .iter()
        .map(|(name, count)| format!("{count} {name}"));
    let outcomes = outcomes.collect::<Vec<_>>().join(", ");
    Ok(Checked {
        problems: problems.named(),
        outcomes: format!("{outcomes}; {given} commands of processes applied"),
    })
}

/// What stands in the applications' streams, as `stream@version` by key. Reading
/// a stream checks that its versions are dense.
async fn recorded(
    plan: &Plan,
    events: &EventStore,
) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut recorded: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for stream in plan.streams() {
        for event in read(events, &stream).await? {
            let key = event.event.extension(COMMAND_ID).unwrap_or("nothing");
            let place = format!("{stream}@{}", event.version);
            recorded.entry(key.to_string()).or_default().push(place);
        }
    }
    Ok(recorded)
}

/// What `GET /commands/{id}` says of a key; `None` where nobody has sent it.
async fn known(client: &Client, key: &str) -> Result<Option<Told>, String> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        match client.get(&format!("/commands/{key}")).await {
            Ok(answer) if answer.status == 404 => return Ok(None),
            Ok(answer) => match Told::of(&answer) {
                Some(told) => return Ok(Some(told)),
                None => last = format!("{}: {}", answer.status, answer.body),
            },
            Err(reason) => last = reason,
        }
    }
    Err(format!("{key} is not told, at last: {last}"))
}
