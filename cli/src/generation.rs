//! `rewind activate` and `rewind drop`: which generation of a projection
//! serves, and which one nobody needs any more.

use crate::{Domain, deployment, exit, playback::refused, up};
use clap::Args as ClapArgs;
use rewind::{Target, envelope::Nothing};
use rewind_aws::{generations::Generations, playback::PlayError};
use serde_json::json;
use std::process::ExitCode;

/// Which generation.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    deployment: deployment::Args,
    /// The projection.
    projection: String,
    /// The generation.
    generation: u64,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// What is done with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Readers see it from now on.
    Activate,
    /// Its rows are deleted.
    Drop,
}

/// Changes generations. Exit code 1 says that it was refused.
pub fn run(args: &Args, verb: Verb, domain: Domain) -> ExitCode {
    up::init_log();
    let outcome = up::runtime().and_then(|runtime| runtime.block_on(change(args, verb, domain)));
    match outcome {
        Ok(Ok(generations)) => {
            let Args {
                projection,
                generation,
                json,
                ..
            } = args;
            match (json, verb) {
                (true, _) => println!("{}", json!(generations)),
                (false, Verb::Activate) => println!("{projection}@{generation} serves"),
                (false, Verb::Drop) => println!("{projection}@{generation} is dropped"),
            }
            ExitCode::SUCCESS
        }
        Ok(Err(why)) => exit::refused(&why),
        Err(reason) => exit::unreadable(&reason),
    }
}

async fn change(
    args: &Args,
    verb: Verb,
    domain: Domain,
) -> Result<Result<Generations, String>, String> {
    let deployment = args.deployment.open(domain).await?;
    let target = Target {
        projection: args.projection.clone(),
        generation: args.generation,
    };
    let player = deployment.player();
    let changed = match verb {
        Verb::Activate => player.activate(&target).await,
        Verb::Drop => player.drop_generation(&target).await,
    };
    match changed {
        Ok(generations) => {
            if !generations.dropped.is_empty() {
                let task = ::playback::Task::Tend(Nothing {});
                deployment.do_later(&task).await?;
            }
            Ok(Ok(generations))
        }
        Err(PlayError::Refused(problem)) => Ok(Err(refused(problem))),
        Err(PlayError::Service(error)) => Err(error.to_string()),
    }
}
