//! The `rewind` command: the local system, its demonstration, and the
//! operator's verbs. The public modules are what `tests/torture` shares.

// A pipe whose reader has left must not panic: see `out`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
pub mod client;
mod compare;
mod demo;
mod deployment;
pub mod exit;
mod export;
mod function;
mod generation;
mod import;
mod interrupted;
mod memory;
mod out;
mod playback;
pub mod progress;
mod replay;
mod resume;
mod reverse;
mod schemas;
mod selection;
pub mod up;
pub mod verify;

use clap::{CommandFactory, Parser, Subcommand};
use exit::Outcome;
use rewind::Service;
use rewind_aws::wiring::Clients;
use std::{ffi::OsString, process::ExitCode, time::Instant};

/// What gives a team's domain, registered: all verbs are about it.
pub type Domain = fn() -> Service;

/// Event sourcing on AWS Lambda. Without a command: runs the whole system on
/// this machine, as template.yaml describes it.
#[derive(Parser)]
#[command(name = "rewind", version, after_help = exit::help())]
struct Cli {
    #[command(flatten)]
    up: up::Args,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Shows what Rewind does, on a system of its own that keeps nothing: real
    /// events in, projections, the data store deleted and rebuilt by playback.
    Demo(demo::Args),
    /// Looks at both tables from the outside and names every violation of the
    /// invariants: locally, behind an endpoint, or on AWS.
    Verify(verify::Args),
    /// After the fix: lets stalled streams go on, from the events table.
    Resume(resume::Args),
    /// Plays all or part of history back: to rebuild a projection, to answer a
    /// question from a part of history, to feed a subscriber.
    Replay(Box<replay::Args>),
    /// Follows a playback, pauses it, lets it go on, or gives it up.
    Playback(playback::Args),
    /// Lets readers see another generation of a projection: one that has
    /// caught up, or, as a rollback, the one before.
    Activate(generation::Args),
    /// Drops a generation that nobody needs any more.
    Drop(generation::Args),
    /// Two generations of a projection side by side: rows, checksums, and the
    /// rows that differ.
    Compare(compare::Args),
    /// Writes all or part of history as JSON Lines of CloudEvents.
    Export(Box<export::Args>),
    /// Sends events from JSON Lines to be recorded, such as to seed another
    /// environment.
    Import(import::Args),
    /// Prints the JSON Schema of every event type of this program's domain.
    Schemas,
    /// Takes one event back: shows what would change, asks, and records why
    /// and by whom.
    Reverse(reverse::Args),
    /// Runs one function under the Lambda Runtime API: what the local system
    /// starts as a process of its own.
    #[command(hide = true)]
    Function {
        /// The function's binary, such as `ingest`.
        name: String,
    },
}

/// Runs the command that the program was called with, for a domain.
pub fn run(domain: Domain) -> ExitCode {
    let started = Instant::now();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let as_json = arguments::ask_for_json(&arguments);
    let outcome = match arguments::parse(arguments) {
        Ok(cli) => cli.run(domain, started, as_json),
        Err(error) => arguments::refused(&error, as_json),
    };
    exit::code(outcome, as_json)
}

/// Runs one function as a process of the local system, as `rewind function NAME`
/// does, with clients that the caller makes.
pub fn function(name: &str, domain: Domain, clients: impl Future<Output = Clients>) -> ExitCode {
    exit::code(function::run(name, domain, clients), false)
}

/// The command line and its verbs, for who lists them.
pub fn command() -> clap::Command {
    Cli::command()
}

impl Cli {
    fn run(self, domain: Domain, started: Instant, as_json: bool) -> Outcome {
        let Some(command) = self.command else {
            return up::run(&self.up, started);
        };
        let run = Run { as_json };
        match &command {
            Command::Demo(args) => demo::run(args, started),
            Command::Schemas => schemas::run(domain),
            Command::Function { name } => function::run(name, domain, Clients::from_env()),
            Command::Verify(args) => run.verb(&args.deployment, verify::run(args, domain)),
            Command::Resume(args) => run.verb(&args.deployment, resume::run(args, domain)),
            Command::Replay(args) => run.verb(&args.deployment, replay::run(args, domain)),
            Command::Playback(args) => run.verb(&args.deployment, playback::run(args, domain)),
            Command::Activate(args) => {
                let change = generation::run(args, generation::Verb::Activate, domain);
                run.verb(&args.deployment, change)
            }
            Command::Drop(args) => {
                let change = generation::run(args, generation::Verb::Drop, domain);
                run.verb(&args.deployment, change)
            }
            Command::Compare(args) => run.verb(&args.deployment, compare::run(args, domain)),
            Command::Export(args) => run.verb(&args.deployment, export::run(args, domain)),
            Command::Import(args) => run.verb(&args.deployment, import::run(args, domain)),
            Command::Reverse(args) => run.verb(&args.deployment, reverse::run(args, domain)),
        }
    }
}

/// How the operator's verbs are run.
struct Run {
    as_json: bool,
}

impl Run {
    /// Runs a verb to its end; what fails on the other side is said in terms of
    /// the deployment.
    fn verb(&self, of: &deployment::Args, verb: impl Future<Output = Outcome>) -> Outcome {
        up::init_verbs_log(self.as_json);
        let outcome = up::runtime()?.block_on(verb);
        outcome.map_err(|end| end.at(of))
    }
}

#[cfg(test)]
mod tests;
