//! The `rewind` command: the local system, its demonstration, and the
//! operator's verbs.

mod client;
mod compare;
mod demo;
mod deployment;
mod export;
mod function;
mod import;
mod memory;
mod progress;
mod resume;
mod selection;
mod torture;
mod up;
mod verify;

use clap::{Parser, Subcommand};
use std::{process::ExitCode, time::Instant};

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
    /// Compares two generations of a projection, row by row: what serves, and
    /// what a playback has built.
    Compare(compare::Args),
    /// Writes a part of history as JSON Lines: recorded CloudEvents, in
    /// recorded order.
    ///
    /// A reversal is an event of the type `reversed`: where a selection leaves
    /// it out, what it took back counts again after an import.
    Export(Box<export::Args>),
    /// Puts events from JSON Lines on the stream of accepted events.
    ///
    /// They keep ids, sources, times and extensions; versions and positions
    /// are given anew. What names an event by its version, as reversals do, is
    /// made to name the version that it gets in a stream that is new.
    Import(import::Args),
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

fn main() -> ExitCode {
    let started = Instant::now();
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => up::run(&cli.up, started),
        Some(Command::Demo(args)) => demo::run(&args, started),
        Some(Command::Verify(args)) => return verify::run(&args),
        Some(Command::Resume(args)) => return resume::run(&args),
        Some(Command::Compare(args)) => return compare::run(&args),
        Some(Command::Export(args)) => return export::run(&args),
        Some(Command::Import(args)) => return import::run(&args),
        Some(Command::Torture(args)) => torture::run(&args),
        Some(Command::Function { name }) => function::run(&name),
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
