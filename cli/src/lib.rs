//! The `rewind` command: the local system, its demonstration, and the
//! operator's verbs.

mod client;
mod compare;
mod demo;
mod deployment;
mod exit;
mod export;
mod function;
mod generation;
mod import;
mod memory;
mod playback;
mod progress;
mod replay;
mod resume;
mod reverse;
mod selection;
mod torture;
mod up;
mod verify;

use clap::{Parser, Subcommand};
use rewind::Service;
use std::{process::ExitCode, time::Instant};

/// What gives a team's domain, registered: all verbs are about it.
pub type Domain = fn() -> Service;

/// Event sourcing on AWS Lambda. Without a command: runs the whole system on
/// this machine, as template.yaml describes it.
#[derive(Parser)]
#[command(name = "rewind", version)]
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
    /// Takes one event back: shows what would change, asks, and records why
    /// and by whom.
    Reverse(reverse::Args),
    /// Loads a system of its own that keeps nothing while requests fail and
    /// functions are killed, and checks that nothing was lost or done twice.
    Torture(torture::Args),
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
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => up::run(&cli.up, started),
        Some(Command::Demo(args)) => demo::run(&args, started),
        Some(Command::Verify(args)) => return verify::run(&args, domain),
        Some(Command::Resume(args)) => return resume::run(&args, domain),
        Some(Command::Replay(args)) => return replay::run(&args, domain),
        Some(Command::Playback(args)) => return playback::run(&args, domain),
        Some(Command::Activate(args)) => {
            return generation::run(&args, generation::Verb::Activate, domain);
        }
        Some(Command::Drop(args)) => {
            return generation::run(&args, generation::Verb::Drop, domain);
        }
        Some(Command::Compare(args)) => return compare::run(&args, domain),
        Some(Command::Export(args)) => return export::run(&args, domain),
        Some(Command::Import(args)) => return import::run(&args, domain),
        Some(Command::Reverse(args)) => return reverse::run(&args, domain),
        Some(Command::Torture(args)) => torture::run(&args),
        Some(Command::Function { name }) => function::run(&name, domain),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("rewind: {reason}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_of_all_verbs_are_sound() {
        Cli::command().debug_assert();
    }
}
