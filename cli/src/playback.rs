//! `rewind playback`: follows a playback, pauses it, lets it go on, or gives
//! it up.

use crate::{
    Domain,
    deployment::{self, Deployment},
    exit, progress, up,
};
use ::playback::Task;
use clap::Args as ClapArgs;
use indicatif::ProgressBar;
use rewind::{Problem, Receiver, envelope::Nothing};
use rewind_aws::playback::{PlayError, Playback, Player, State, load};
use serde_json::json;
use std::{process::ExitCode, time::Duration};

/// The exit code when a playback that was followed has not come to its end.
const NOT_DONE: u8 = 1;

/// How often a playback is looked at.
const INTERVAL: Duration = Duration::from_millis(200);

/// Which playback, and what is done with it.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    deployment: deployment::Args,
    /// The playback's id.
    id: String,
    /// Stops it after the page that it is at.
    #[arg(long, group = "verb")]
    pause: bool,
    /// Lets it go on.
    #[arg(long, group = "verb")]
    resume: bool,
    /// Gives it up, and drops what it has built.
    #[arg(long, group = "verb")]
    cancel: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Follows or changes a playback. Exit code 1 says that it was refused or has
/// failed, 2 that the deployment could not be reached.
pub fn run(args: &Args, domain: Domain) -> ExitCode {
    up::init_log();
    let outcome = up::runtime().and_then(|runtime| runtime.block_on(change(args, domain)));
    let is_changed = args.pause || args.resume || args.cancel;
    let is_done = |playback: &Playback| is_changed || has_ended_well(playback);
    told(outcome, is_done, args.json)
}

async fn change(args: &Args, domain: Domain) -> Result<Result<Playback, String>, String> {
    let deployment = args.deployment.open(domain).await?;
    let player = deployment.player();
    let (changed, task) = if args.pause {
        (player.pause(&args.id).await, None)
    } else if args.resume {
        let task = Task::Resume(args.id.clone());
        (player.go_on(&args.id).await, Some(task))
    } else if args.cancel {
        (player.cancel(&args.id).await, Some(Task::Tend(Nothing {})))
    } else {
        let known = load(&deployment.store, &args.id).await;
        return match known.map_err(|error| error.to_string())? {
            Some(_) => follow(&deployment, &args.id).await.map(Ok),
            None => Ok(Err(format!("there is no playback {}", args.id))),
        };
    };
    match changed {
        Ok(playback) => {
            if let Some(task) = task {
                deployment.do_later(&task).await?;
            }
            Ok(Ok(playback))
        }
        Err(PlayError::Refused(problem)) => Ok(Err(refused(problem))),
        Err(PlayError::Service(error)) => Err(error.to_string()),
    }
}

/// Follows a playback until nobody is at work on it, with a bar on standard
/// error.
pub async fn follow(deployment: &Deployment, id: &str) -> Result<Playback, String> {
    let bar = progress::share("replayed");
    let ended = watch(deployment, id, &bar).await;
    bar.finish_and_clear();
    ended
}

async fn watch(deployment: &Deployment, id: &str, bar: &ProgressBar) -> Result<Playback, String> {
    loop {
        let known = load(&deployment.store, id).await;
        let known = known.map_err(|error| error.to_string())?;
        let Some((playback, _)) = known else {
            return Err(format!("there is no playback {id}"));
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

/// A refusal in words, with the field that it is about.
pub fn refused(problem: Problem) -> String {
    let field = problem.field.filter(|field| !field.is_empty());
    let field = field.map_or(String::new(), |field| field + ": ");
    format!("{field}{}", problem.detail)
}

/// Says what became of a playback, and how the program exits: with 0 where
/// `is_done`.
pub fn told(
    outcome: Result<Result<Playback, String>, String>,
    is_done: impl Fn(&Playback) -> bool,
    as_json: bool,
) -> ExitCode {
    match outcome {
        Ok(Ok(playback)) => {
            match as_json {
                true => println!("{}", json!(playback.shown())),
                false => println!("{}", described(&playback)),
            }
            match is_done(&playback) {
                true => ExitCode::SUCCESS,
                false => ExitCode::from(NOT_DONE),
            }
        }
        Ok(Err(why)) => exit::refused(&why),
        Err(reason) => exit::unreadable(&reason),
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
    pub async fn do_later(&self, task: &Task) -> Result<(), String> {
        let asked = self.playback.invoke_later(task).await;
        asked.map_err(|error| {
            format!("it is saved, and the playback function was not told: {error}; the schedule of the deployment tells it within a minute")
        })
    }
}
