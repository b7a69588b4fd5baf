//! What a decision is recorded as: commits that stand together, each right
//! behind the head of its stream.

use super::{
    answer::{Answer, Failure},
    unique::{claimed, released, value},
};
use crate::aws::clock::micros;
use crate::event_table::event_store::{EventStore, MAX_TOGETHER, MAX_TOGETHER_BYTES};
use rewind::{
    CloudEvent, Commit, Head, Plan, Rejection,
    command::{Command, Refusal},
    commit,
};

/// What a plan comes to, as the streams stand.
pub(super) enum Assembled {
    /// These commits, the one that tells the outcome first. None where nothing
    /// has to be recorded.
    Commits(Vec<Commit>),
    /// A value is taken.
    Taken(Refusal),
    /// A stream does not stand where it was expected.
    NotThere(Answer),
}

/// The commits of a plan behind the head that it was decided on.
pub(super) async fn commits(
    events: &EventStore,
    command: &Command,
    plan: &Plan,
    head: Head,
    looks: bool,
) -> Result<Assembled, Failure> {
    // Without an event of its own stream, the outcome is the first event.
    let mut nth = plan.events.len().max(1);
    let mut also: Vec<(Head, Vec<CloudEvent>)> = Vec::new();
    for other in &plan.others {
        let head = events.head(&other.stream).await?;
        if let Some(expected) = other.expected.version()
            && expected != head.version
        {
            return Ok(Assembled::NotThere(Answer::NotThere {
                stream: other.stream.clone(),
                expected,
                actual: head.version,
            }));
        }
        nth += other.events.len();
        also.push((head, other.events.clone()));
    }
    let by = &command.stream;
    for claim in &plan.claims {
        let value = value(events, &claim.stream).await?;
        match &value.by {
            Some(holder) if holder != by => return Ok(Assembled::Taken(claim.taken.clone())),
            Some(_) => {}
            None => {
                let event = command.event(claimed(&claim.stream, by), nth);
                also.push((value.head, vec![event]));
                nth += 1;
            }
        }
    }
    for release in &plan.releases {
        let value = value(events, release).await?;
        if value.by.as_ref() == Some(by) {
            let event = command.event(released(release, by), nth);
            also.push((value.head, vec![event]));
            nth += 1;
        }
    }
    let mut planned = Vec::new();
    if !plan.events.is_empty() {
        planned.extend(behind(head, &plan.events));
    } else if command.is_keyed || !also.is_empty() {
        planned.extend(outcome(events, command, None, looks).await?);
    }
    for (head, events) in also {
        planned.extend(behind(head, &events));
    }
    let bytes: usize = planned.iter().map(|commit| commit.events.len()).sum();
    // One more for the claim of the outcome.
    if planned.len() >= MAX_TOGETHER || bytes > MAX_TOGETHER_BYTES {
        let count = planned.len() + 1;
        return Err(Failure::Broken(Rejection::new(format!(
            "it takes {count} items and {bytes} bytes; at most {MAX_TOGETHER} and {MAX_TOGETHER_BYTES} are recorded together"
        ))));
    }
    Ok(Assembled::Commits(planned))
}

/// The commit of an outcome that stands in the command's own stream. A command
/// that is decided at once has none yet, unless `looks` says that an attempt has
/// found it otherwise.
pub(super) async fn outcome(
    events: &EventStore,
    command: &Command,
    refusal: Option<Refusal>,
    looks: bool,
) -> Result<Vec<Commit>, Failure> {
    let event = command.outcome(refusal);
    let event = event.map_err(|bad| Failure::Broken(bad.into()))?;
    let head = match looks || command.causation.is_some() {
        true => events.head(&event.stream).await?,
        false => Head::default(),
    };
    Ok(behind(head, &[event]))
}

fn behind(head: Head, events: &[CloudEvent]) -> Vec<Commit> {
    let events: Vec<&CloudEvent> = events.iter().collect();
    commit::plan(head, &events, micros())
}
