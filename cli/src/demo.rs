//! `rewind demo`: tells a story with the whole system. Each deletes the data store
//! and rebuilds it, and compares every answer with what it has to be.

mod load;
mod measure;
mod portal;
mod processes;
mod rebuild;
mod rows;
mod show;
mod tour;
mod votes;
mod wait;

use crate::{
    domain::Domain,
    end::{End, Outcome},
    out::say,
    up,
};
use clap::{Args as ClapArgs, ValueEnum};
use local::{State, System};
use portal::Clock;
use serde_json::Value;
use std::{path::PathBuf, time::Instant};
use votes::Votes;

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Story {
    /// Raw inputs of a shop, votes of a poll, a rebuild.
    Poll,
    /// Commands, rejections, deadlines under a clock that is turned by hand, a
    /// rebuild.
    Portal,
}

/// The options of the demonstration.
#[derive(ClapArgs)]
pub struct Args {
    /// What is shown.
    #[arg(value_enum, default_value_t = Story::Poll)]
    story: Story,
    /// The number of voters in the poll. Half of them vote twice, and one vote
    /// in five is not valid.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    voters: u32,
    /// The seed of the votes. The same seed gives the same votes.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// No story, but so many events: how fast they come in and are replayed, with
    /// how much memory. All of them are verified.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    events: Option<u64>,
    /// With `--events`: one JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
    /// Keeps the tables in this folder: `rewind --dir FOLDER` shows what is there.
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,
    /// The description of the deployment.
    #[arg(long, default_value = "template.yaml", env = "REWIND_TEMPLATE")]
    template: PathBuf,
}

/// Runs the demonstration. A wrong answer is an error.
pub fn run(args: &Args, domain: Domain, started: Instant) -> Outcome {
    // Its stories are about these rows.
    let shown = ["carts", "basic-sum", "applications"];
    if !shown.iter().all(|name| domain().projection(name).is_some()) {
        return Err(End::Refused(
            "the demonstration is about the shop, the poll and the portal of Rewind's repository, and this program has another domain".into(),
        ));
    }
    up::init_log();
    let state = args.keep.clone().map_or(State::Ephemeral, State::Folder);
    let mut options = up::options(&args.template, 0, state, None)?;
    let clock = Clock::new()?;
    if args.story == Story::Portal {
        options.extra_env.push(up::by_hand(clock.file())?);
    }
    up::runtime()?.block_on(async {
        let system = System::start(options)
            .await
            .map_err(|error| End::Failed(error.to_string()))?;
        let ready = started.elapsed();
        let as_json = args.json && args.events.is_some();
        if !as_json {
            say!("Rewind is ready at {}", system.url())?;
        }
        let outcome = match (args.events, args.story) {
            (Some(events), _) => {
                let load = load::Load {
                    events,
                    system: &system,
                    domain,
                    as_json,
                };
                load::tell(load).await
            }
            (None, Story::Poll) => {
                let votes = Votes::new(args.voters as usize, args.seed);
                tour::tell(&votes, &system, ready).await
            }
            (None, Story::Portal) => portal::tell(&clock, &system).await,
        };
        system.stop().await;
        outcome?;
        match as_json {
            true => Ok(()),
            false => say!("\nAll answers are as they have to be."),
        }
    })
}

fn expect(what: &str, found: &Value, expected: &Value) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(End::Refused(format!(
        "{what}: expected {expected}, found {found}"
    )))
}
