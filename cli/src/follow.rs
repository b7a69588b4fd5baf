//! Following a playback, and showing its state: for `rewind playback` and
//! `rewind replay`.

use crate::{
    deployment::{self, Deployment},
    end::{End, Outcome},
    out::say,
    progress,
};
use indicatif::ProgressBar;
use rewind::Receiver;
use rewind_aws::playback::{
    record::{Playback, load},
    state::State,
};
use serde_json::json;
use std::time::Duration;

/// The time between two looks at a playback.
const INTERVAL: Duration = Duration::from_millis(200);

/// The message when the verb stops waiting for a playback.
pub fn still_runs(id: &str, deployment: &deployment::Args) -> String {
    format!(
        "playback {id} continues in the deployment: {}",
        next_steps(id, deployment)
    )
}

/// The calls that follow or cancel a playback.
pub fn next_steps(id: &str, deployment: &deployment::Args) -> String {
    let call = format!("rewind playback {id}{}", deployment.options());
    format!("follow it with `{call}`, or cancel it with `{call} --cancel`")
}

/// Follows a playback until it no longer runs, with a progress bar on standard
/// error.
///
/// # Errors
///
/// When its record cannot be read.
pub async fn follow(deployment: &Deployment, id: &str) -> Result<Playback, End> {
    let bar = progress::share("replayed");
    let ended = watch(deployment, id, &bar).await;
    bar.finish_and_clear();
    ended
}

async fn watch(deployment: &Deployment, id: &str, bar: &ProgressBar) -> Result<Playback, End> {
    loop {
        let Some(playback) = load(&deployment.store, id).await? else {
            return Err(End::Failed(format!(
                "the record of playback {id} has been deleted"
            )));
        };
        bar.set_position((playback.shown().progress * 1000.0) as u64);
        bar.set_message(words(&playback));
        if !playback.state.is_running() {
            return Ok(playback);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// How far a playback is: events, rate, time left, state.
pub fn words(playback: &Playback) -> String {
    if playback.state == State::Replaying && !playback.prepared {
        return "begins as soon as the index has settled".into();
    }
    let shown = playback.shown();
    let left = shown
        .seconds_left
        .map_or(String::new(), |left| format!(", {left} s left"));
    let why = shown
        .reason
        .map_or("", |_| ", its last invocation has failed");
    format!(
        "{} events, {} a second{left}, {}{why}",
        shown.events, shown.events_per_second, playback.state
    )
}

/// Whether a playback that no longer runs has succeeded.
pub fn has_ended_well(playback: &Playback) -> bool {
    matches!(playback.state, State::Completed | State::CaughtUp)
}

/// Prints the state of a playback. `is_done` says whether the verb has
/// succeeded.
///
/// # Errors
///
/// `NotDone` when it has not.
pub fn show(playback: &Playback, is_done: bool, as_json: bool) -> Outcome {
    match as_json {
        true => say!("{}", json!(playback.shown()))?,
        false => say!("{}", described(playback))?,
    }
    match is_done {
        true => Ok(()),
        false => Err(End::NotDone),
    }
}

/// A price in words. A small one is not zero.
fn price(dollars: f64) -> String {
    match dollars {
        ..=0.0 => "$0".into(),
        ..0.0001 => "less than $0.0001".into(),
        ..1.0 => format!("${dollars:.4}"),
        _ => format!("${dollars:.2}"),
    }
}

fn described(playback: &Playback) -> String {
    let Playback { id, state, .. } = playback;
    let sent = playback.sent();
    if playback.request.dry_run && *state == State::Completed {
        let estimate = playback.estimate();
        return format!(
            "dry run: {} events in {} records, {} bytes; about {} s and {} to read and send them",
            sent.events,
            sent.records,
            sent.bytes,
            estimate.seconds,
            price(estimate.dollars)
        );
    }
    let to = playback.to.iter().map(|to| match to {
        Receiver::Projection(target) => target.to_string(),
        Receiver::Subscriber { subscriber } => format!("subscriber {subscriber}"),
        Receiver::Microservice { .. } => "microservice".to_string(),
    });
    let to = to.collect::<Vec<_>>().join(", ");
    let why = playback.shown().reason;
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    let events = sent.events;
    format!("playback {id} of {events} events to {to} is {state}{why}")
}
