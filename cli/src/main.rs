//! The `rewind` command: the local system, its demonstration, and the
//! operator's verbs.

mod client;
mod demo;
mod function;
mod memory;
mod up;

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
