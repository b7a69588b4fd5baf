//! Outcomes: the same command has the same one, for ever. Its claim is that of its
//! first event, so pump knows it, and knows an imported one.

use super::answer::{Answer, Failure};
use crate::{
    Error,
    event_table::event_store::{EventStore, OutcomeClaim, Place},
};
use rewind::{
    CloudEvent, Commit, RecordedEvent, Rejection, StreamName,
    command::{Command, OutcomeData},
    reserved::{COMMAND_CATEGORY, COMMAND_ID, COMMAND_SOURCE, UNIQUE_CATEGORY},
};

/// The claim of the outcome of a command that these commits hold.
pub(super) fn claim(command: &Command, commits: &[Commit]) -> Result<OutcomeClaim, Failure> {
    let events = commits.first().map(Commit::events).transpose();
    let events = events.map_err(Error::from)?.unwrap_or_default();
    let first = events.first().ok_or_else(|| {
        let why = Rejection::new("an outcome without an event");
        Failure::Broken(why)
    })?;
    Ok(OutcomeClaim {
        identity: Command::outcome_identity(&command.id),
        fingerprint: first.event.fingerprint(),
        command: Some(fingerprint(command)?),
        commits: places(commits),
    })
}

/// What tells a command from others of its key.
pub(super) fn fingerprint(command: &Command) -> Result<String, Failure> {
    let fingerprint = command.fingerprint();
    fingerprint.map_err(|bad| Failure::Broken(bad.into()))
}

/// Whether an imported outcome may be that of a command: it is of the same
/// aggregate, or stands in the command's own stream, which tells it.
pub(super) fn may_be_of(command: &Command, claim: &OutcomeClaim) -> bool {
    claim.commits.first().is_none_or(|first| {
        first.stream == command.stream || first.stream.category() == COMMAND_CATEGORY
    })
}

/// The outcome of a command that is claimed.
pub(super) async fn of_claim(
    events: &EventStore,
    id: &str,
    claim: &OutcomeClaim,
) -> Result<Answer, Failure> {
    match (&claim.command, claim.commits.first()) {
        (None, Some(first)) => imported(events, id, first).await,
        _ => of_places(events, &claim.commits).await,
    }
}

/// An outcome that another system has decided. Pump has recorded its events, one
/// by one: those of the stream that it began in are told.
async fn imported(events: &EventStore, id: &str, first: &Place) -> Result<Answer, Failure> {
    let is_of = |event: &CloudEvent| {
        event.source == COMMAND_SOURCE && event.extension(COMMAND_ID) == Some(id)
    };
    let mut found: Vec<RecordedEvent> = Vec::new();
    let mut after = first.version.saturating_sub(1);
    loop {
        let page = events.read(&first.stream, after).await?;
        for commit in &page.commits {
            let all = commit.events().map_err(Error::from)?;
            found.extend(all.into_iter().filter(|event| is_of(&event.event)));
            after = commit.last_version();
        }
        // They stand one behind the other.
        if !found.is_empty() || !page.has_more {
            break;
        }
    }
    match found.first() {
        None => Ok(Answer::OnTheWay),
        Some(first) if first.stream().category() == COMMAND_CATEGORY => told(first),
        Some(_) => Ok(Answer::Applied(found)),
    }
}

/// What an outcome in the command's own stream says.
fn told(outcome: &RecordedEvent) -> Result<Answer, Failure> {
    let data: Result<OutcomeData, _> = outcome.data();
    let data = data.map_err(|_| {
        let what = format!("outcome {}@{}", outcome.stream(), outcome.version);
        Error::damaged(what, "it is no outcome of a command")
    })?;
    Ok(match data.rejection {
        Some(refusal) => Answer::Rejected(refusal),
        None => Answer::Applied(Vec::new()),
    })
}

/// What was recorded in these places, the first of which tells the outcome.
pub(super) async fn of_places(events: &EventStore, places: &[Place]) -> Result<Answer, Failure> {
    let keys = places.iter().map(|place| (&place.stream, place.version));
    let keys: Vec<(&StreamName, u64)> = keys.collect();
    of_commits(&events.get(&keys).await?)
}

/// What these commits, the first of which tells the outcome, say to whoever
/// sent the command.
pub(super) fn of_commits(commits: &[Commit]) -> Result<Answer, Failure> {
    let mut applied: Vec<RecordedEvent> = Vec::new();
    for (nth, commit) in commits.iter().enumerate() {
        let events = commit.events().map_err(Error::from)?;
        match commit.stream.category() {
            COMMAND_CATEGORY if nth == 0 => {
                let outcome = events.first().ok_or_else(|| {
                    let what = format!("outcome {}@{}", commit.stream, commit.version);
                    Error::damaged(what, "it holds no event")
                })?;
                if let refused @ Answer::Rejected(_) = told(outcome)? {
                    return Ok(refused);
                }
            }
            COMMAND_CATEGORY | UNIQUE_CATEGORY => {}
            _ => applied.extend(events),
        }
    }
    Ok(Answer::Applied(applied))
}

/// Where commits stand.
pub(super) fn places(commits: &[Commit]) -> Vec<Place> {
    let places = commits.iter().map(|commit| Place {
        stream: commit.stream.clone(),
        version: commit.version,
    });
    places.collect()
}
