//! `rewind playback`: follows a playback, pauses, resumes or cancels it.

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    follow::{follow, has_ended_well, show, still_runs},
    interrupted,
};
use ::playback::Task;
use clap::Args as ClapArgs;
<<<<<<< HEAD
use indicatif::ProgressBar;
use rewind::{Receiver, delivery::Nothing};
use rewind_aws::playback::{
    player::Player,
    record::{Playback, load},
    state::State,
};
use serde_json::json;
use std::time::Duration;
=======
use rewind::delivery::Nothing;
use rewind_aws::playback::player::load;
>>>>>>> cli-circles

/// The playback, and the change to it.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The playback's id.
    id: String,
    /// Stops it after the current page.
    #[arg(long, group = "verb")]
    pause: bool,
    /// Lets it continue.
    #[arg(long, group = "verb")]
    resume: bool,
    /// Cancels it, and drops the generations that it was building.
    #[arg(long, group = "verb")]
    cancel: bool,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Follows or changes a playback.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let id = &args.id;
    let mut parts = vec![Part::DataTable];
    if args.resume || args.cancel {
        parts.push(Part::PlaybackFunction);
    }
    let deployment = args.deployment.open(domain, &parts).await?;
    let known = load(&deployment.store, id).await?;
    if known.is_none() {
        return Err(End::Wrong(format!("there is no playback {id}")));
    }
    let player = deployment.player();
    let (changed, task) = if args.pause {
        deployment.confirm(&format!("pause playback {id}"), args.yes)?;
        (player.pause(id).await?, None)
    } else if args.resume {
        deployment.confirm(&format!("resume playback {id}"), args.yes)?;
        (player.resume(id).await?, Some(Task::Resume(id.clone())))
    } else if args.cancel {
<<<<<<< HEAD
        deployment.confirm(&format!("give playback {id} up"), args.yes)?;
        (player.cancel(id).await?, Some(Task::Recover(Nothing {})))
=======
        deployment.confirm(&format!("cancel playback {id}"), args.yes)?;
        (player.cancel(id).await?, Some(Task::Tend(Nothing {})))
>>>>>>> cli-circles
    } else {
        let followed = follow(&deployment, id);
        let followed = interrupted::unless(followed, || still_runs(id, &args.deployment)).await?;
        return show(&followed, has_ended_well(&followed), args.json);
    };
    if let Some(task) = task {
<<<<<<< HEAD
        deployment.do_later(&task).await?;
    }
    told(&changed, true, args.json)
}

/// What to say of a playback that is not waited for any longer.
pub fn goes_on(id: &str, deployment: &deployment::Args) -> String {
    format!("playback {id} goes on: {}", ways_on(id, deployment))
}

/// What can be done about a playback that is not waited for.
pub fn ways_on(id: &str, deployment: &deployment::Args) -> String {
    let call = format!("rewind playback {id}{}", deployment.place());
    format!("follow it with `{call}`, or give it up with `{call} --cancel`")
}

/// Follows a playback until nobody is at work on it, with a bar on standard
/// error.
pub async fn follow(deployment: &Deployment, id: &str) -> Result<Playback, End> {
    let bar = progress::share("replayed");
    let ended = watch(deployment, id, &bar).await;
    bar.finish_and_clear();
    ended
}

async fn watch(deployment: &Deployment, id: &str, bar: &ProgressBar) -> Result<Playback, End> {
    loop {
        let Some(playback) = load(&deployment.store, id).await? else {
            return Err(End::Failed(format!("the record of playback {id} is gone")));
        };
        let shown = playback.shown();
        bar.set_position((shown.progress * 1000.0) as u64);
        let left = shown
            .seconds_left
            .map_or(String::new(), |left| format!(", {left} s left"));
        bar.set_message(format!(
            "{} events, {} a second{left}, {}",
            shown.events, shown.events_per_second, playback.state
        ));
        if !playback.state.is_running() {
            return Ok(playback);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// Whether a playback that was followed has done what it was made for.
pub fn has_ended_well(playback: &Playback) -> bool {
    matches!(playback.state, State::Completed | State::CaughtUp)
}

/// Says how a playback stands, which is what was wanted where `is_done`.
pub fn told(playback: &Playback, is_done: bool, as_json: bool) -> Outcome {
    match as_json {
        true => say!("{}", json!(playback.shown()))?,
        false => say!("{}", described(playback))?,
    }
    match is_done {
        true => Ok(()),
        false => Err(End::NotDone),
    }
}

fn described(playback: &Playback) -> String {
    let Playback { id, state, .. } = playback;
    let sent = playback.sent();
    if playback.request.dry_run && *state == State::Completed {
        let estimate = playback.estimate();
        return format!(
            "dry run: {} events in {} records, {} bytes; about {} s and ${:.6} to read and send them",
            sent.events, sent.records, sent.bytes, estimate.seconds, estimate.dollars
        );
    }
    let to = playback.to.iter().map(|to| match to {
        Receiver::Projection(target) => target.to_string(),
        Receiver::Subscriber { subscriber } => format!("subscriber {subscriber}"),
        Receiver::Microservice { .. } => "microservice".to_string(),
    });
    let to = to.collect::<Vec<_>>().join(", ");
    let why = playback.reason.as_ref();
    let why = why.map_or(String::new(), |why| format!(": {why}"));
    let events = sent.events;
    format!("playback {id} of {events} events to {to} is {state}{why}")
}

impl Deployment {
    /// Who makes and changes playbacks.
    pub fn player(&self) -> Player {
        Player::new(
            self.service.clone(),
            self.events.clone(),
            self.store.clone(),
            self.replay.clone(),
        )
    }

    /// Asks the playback function to do something, without waiting for it.
    pub async fn do_later(&self, task: &Task) -> Outcome {
        let asked = self.playback.invoke_later(task).await;
        asked.map_err(|error| {
            let before = "it is saved, and the schedule of the deployment goes on with it within a minute, as the playback function was not told: ";
            End::Service(before.into(), error.to_string())
        })
=======
        deployment.invoke_playback(&task).await?;
>>>>>>> cli-circles
    }
    show(&changed, true, args.json)
}
