//! Outcomes: the same command has the same one, for ever.

use super::answer::{Answer, Failure};
use crate::{
    Error,
    event_table::event_store::{EventStore, Place},
};
use rewind::{
    Commit, RecordedEvent, StreamName,
    command::OutcomeData,
    reserved::{COMMAND_CATEGORY, UNIQUE_CATEGORY},
};

/// What was recorded in these places, the first of which tells the outcome.
pub(super) async fn of_places(events: &EventStore, places: &[Place]) -> Result<Answer, Failure> {
    let keys = places.iter().map(|place| (&place.stream, place.version));
    let keys: Vec<(&StreamName, u64)> = keys.collect();
    of_commits(&events.get(&keys).await?)
}

/// What these commits, the first of which tells the outcome, say to whoever
/// sent the command.
pub(super) fn of_commits(commits: &[Commit]) -> Result<Answer, Failure> {
    let mut told: Vec<RecordedEvent> = Vec::new();
    for (nth, commit) in commits.iter().enumerate() {
        let events = commit.events().map_err(Error::from)?;
        match commit.stream.category() {
            COMMAND_CATEGORY if nth == 0 => {
                let outcome = events.first().map(RecordedEvent::data::<OutcomeData>);
                let outcome = outcome.and_then(Result::ok).ok_or_else(|| {
                    let what = format!("outcome {}@{}", commit.stream, commit.version);
                    Error::damaged(what, "it is no outcome of a command")
                })?;
                if let Some(refusal) = outcome.rejection {
                    return Ok(Answer::Rejected(refusal));
                }
            }
            COMMAND_CATEGORY | UNIQUE_CATEGORY => {}
            _ => told.extend(events),
        }
    }
    Ok(Answer::Applied(told))
}

/// Where commits stand.
pub(super) fn places(commits: &[Commit]) -> Vec<Place> {
    let places = commits.iter().map(|commit| Place {
        stream: commit.stream.clone(),
        version: commit.version,
    });
    places.collect()
}
