//! `rewind activate` and `rewind drop`: make a generation of a projection serve,
//! and drop one.

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use rewind::{Target, delivery::Nothing};
use rewind_aws::{generation::lifecycle, playback::operations::What};
use serde_json::json;

/// Which generation is to serve.
#[derive(ClapArgs)]
pub struct ActivateArgs {
    #[command(flatten)]
    pub which: Args,
    /// Tells each row that differs as a change, where the projection has a feed.
    #[arg(long)]
    changes: bool,
}

/// Which generation.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The projection.
    projection: String,
    /// The generation.
    generation: u64,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// The change.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Readers see it from now on.
    Activate {
        /// Whether each row that differs is told as a change.
        changes: bool,
    },
    /// Its rows are deleted.
    Drop,
}

/// Makes a generation serve.
pub async fn activate(args: &ActivateArgs, domain: Domain) -> Outcome {
    let changes = args.changes;
    run(&args.which, Verb::Activate { changes }, domain).await
}

/// Changes generations.
pub async fn run(args: &Args, verb: Verb, domain: Domain) -> Outcome {
    let parts = [Part::DataTable, Part::PlaybackFunction];
    let deployment = args.deployment.open(domain, &parts).await?;
    deployment.projection(&args.projection)?;
    let target = Target {
        projection: args.projection.clone(),
        generation: args.generation,
    };
    let known = lifecycle::of(&deployment.store, &target.projection).await?;
    if !known.takes(target.generation) {
        let there: Vec<String> = known.all().map(|(nth, _)| nth.to_string()).collect();
        let there = there.join(", ");
        return Err(End::Wrong(format!(
            "there is no generation {target}: the projection has {there}"
        )));
    }
    let what = match verb {
        Verb::Activate { changes: false } => format!("make {target} serve"),
        Verb::Activate { changes: true } => {
            format!("make {target} serve and tell each row that differs as a change")
        }
        Verb::Drop => format!("drop {target}"),
    };
    deployment.confirm(&what, args.yes)?;
    let player = deployment.player();
    let generations = match verb {
        Verb::Activate { changes: false } => player.activate(&target).await?,
        Verb::Activate { changes: true } => player.activate_telling(&target).await?,
        Verb::Drop => player.drop_generation(&target).await?,
    };
    let done = match verb {
        Verb::Activate { .. } => What::Activated,
        Verb::Drop => What::Dropped,
    };
    deployment.note(done, &target.to_string()).await;
    if !generations.dropped.is_empty() || generations.telling {
        let task = ::playback::Task::Recover(Nothing {});
        deployment.invoke_playback(&task).await?;
    }
    match (args.json, verb) {
        (true, _) => say!("{}", json!(generations)),
        (false, Verb::Activate { .. }) => say!("{target} serves"),
        (false, Verb::Drop) => say!("{target} is dropped"),
    }
}
