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
use rewind::delivery::Nothing;
use rewind_aws::playback::{operations::What, record::load};

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
    let (changed, what, task) = if args.pause {
        deployment.confirm(&format!("pause playback {id}"), args.yes)?;
        (player.pause(id).await?, What::PlaybackPaused, None)
    } else if args.resume {
        deployment.confirm(&format!("resume playback {id}"), args.yes)?;
        let task = Task::Resume(id.clone());
        (player.resume(id).await?, What::PlaybackResumed, Some(task))
    } else if args.cancel {
        deployment.confirm(&format!("cancel playback {id}"), args.yes)?;
        let task = Task::Recover(Nothing {});
        (
            player.cancel(id).await?,
            What::PlaybackCancelled,
            Some(task),
        )
    } else {
        let followed = follow(&deployment, id);
        let followed = interrupted::unless(followed, || still_runs(id, &args.deployment)).await?;
        return show(&followed, has_ended_well(&followed), args.json);
    };
    deployment.note(what, id).await;
    if let Some(task) = task {
        deployment.invoke_playback(&task).await?;
    }
    show(&changed, true, args.json)
}
