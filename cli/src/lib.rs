//! The `rewind` command: the local system, its demonstration, and the
//! operator's verbs. `tests/torture` shares the public modules.

// A pipe whose reader has gone must not cause a panic: see `out`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod arguments;
mod check;
pub mod client;
mod command_line;
mod compare;
mod completions;
mod console;
mod demo;
mod deployment;
mod differences;
mod domain;
mod end;
pub mod exit;
mod export;
mod follow;
mod function;
mod generation;
mod import;
mod interrupted;
mod ledger;
mod letters;
mod listed;
mod memory;
mod new;
mod out;
mod partitions;
mod playback;
mod playbacks;
pub mod progress;
mod read;
mod replay;
mod resume;
mod retry;
mod reverse;
mod rows;
mod schemas;
mod selection;
mod send;
mod status;
mod streams;
mod tail;
mod trace;
mod typescript;
pub mod up;
pub mod verify;

pub use domain::Domain;

use clap::CommandFactory;
use command_line::{Cli, Command};
use exit::{End, Outcome};
use rewind_aws::wiring::Clients;
use std::{ffi::OsString, process::ExitCode, time::Instant};

/// Runs the command that the program was called with, for a domain.
pub fn run(domain: Domain) -> ExitCode {
    let started = Instant::now();
    reported(|cli, as_json| called(cli, domain, started, as_json))
}

/// Runs the command that the program was called with, for no domain: the verbs
/// that make and upgrade repositories.
pub fn run_without_domain() -> ExitCode {
    reported(|cli, _| match &cli.command {
        Some(Command::New(args)) => new::run(args),
        Some(Command::Upgrade(args)) => new::upgrade::run(args),
        _ => {
            let why = "this program has no domain, only the verbs `new` and `upgrade`";
            let instead = "in a repository that `rewind new` has made, `cargo run --` has them all";
            Err(End::Wrong(format!("{why}; {instead}")))
        }
    })
}

fn reported(called: impl FnOnce(&Cli, bool) -> Outcome) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let as_json = arguments::ask_for_json(&arguments);
    let outcome = match arguments::parse(arguments) {
        Ok(cli) => called(&cli, as_json),
        Err(error) => arguments::refused(&error, as_json),
    };
    exit::code(outcome, as_json)
}

/// Runs one function as a process of the local system, as `rewind function
/// NAME` does, with clients of the caller's choice.
pub fn function(name: &str, domain: Domain, clients: Clients) -> ExitCode {
    exit::code(function::run(name, domain, clients), false)
}

/// Returns the command line with all verbs, for tests that go over them.
pub fn command() -> clap::Command {
    Cli::command()
}

fn called(cli: &Cli, domain: Domain, started: Instant, as_json: bool) -> Outcome {
    let Some(command) = &cli.command else {
        return up::run(&cli.up, domain, started);
    };
    match command {
        Command::New(args) => new::run(args),
        Command::Upgrade(args) => new::upgrade::run(args),
        Command::Demo(args) => demo::run(args, domain, started),
        Command::Schemas => schemas::run(domain),
        Command::Completions(args) => completions::run(args),
        Command::Openapi => schemas::openapi(domain),
        Command::Asyncapi => schemas::asyncapi(domain),
        Command::Client(args) => typescript::run(args, domain),
        Command::Function { name } => function::run(name, domain, Clients::from_env()),
        Command::Status(args) => verb(as_json, &args.deployment, status::run(args, domain)),
        Command::Send(args) => verb(as_json, &args.deployment, send::run(args, domain)),
        Command::Read(args) => verb(as_json, &args.deployment, read::run(args, domain)),
        Command::Row(args) => verb(as_json, &args.deployment, rows::row(args, domain)),
        Command::Rows(args) => verb(as_json, &args.deployment, rows::rows(args, domain)),
        Command::Streams(args) => verb(as_json, &args.deployment, streams::run(args, domain)),
        Command::Tail(args) => verb(as_json, &args.deployment, tail::run(args, domain)),
        Command::Trace(args) => verb(as_json, &args.deployment, trace::run(args, domain)),
        Command::Playbacks(args) => verb(as_json, &args.deployment, playbacks::run(args, domain)),
        Command::DeadLetters(args) => verb(as_json, &args.deployment, letters::run(args, domain)),
        Command::Check(args) => verb(as_json, &args.deployment, check::run(args, domain)),
        Command::Partitions(args) => verb(as_json, &args.deployment, partitions::run(args, domain)),
        Command::Verify(args) => verb(as_json, &args.deployment, verify::run(args, domain)),
        Command::Resume(args) => verb(as_json, &args.deployment, resume::run(args, domain)),
        Command::Replay(args) => verb(as_json, &args.deployment, replay::run(args, domain)),
        Command::Playback(args) => verb(as_json, &args.deployment, playback::run(args, domain)),
        Command::Activate(args) => {
            let change = generation::activate(args, domain);
            verb(as_json, &args.which.deployment, change)
        }
        Command::Drop(args) => {
            let change = generation::run(args, generation::Verb::Drop, domain);
            verb(as_json, &args.deployment, change)
        }
        Command::Compare(args) => verb(as_json, &args.deployment, compare::run(args, domain)),
        Command::Console(args) => verb(as_json, &args.deployment, console::run(args)),
        Command::Ledger(args) => verb(as_json, &args.deployment, ledger::run(args, domain)),
        Command::Retry(args) => verb(as_json, &args.deployment, retry::run(args, domain)),
        Command::Export(args) => verb(as_json, &args.deployment, export::run(args, domain)),
        Command::Import(args) => verb(as_json, &args.deployment, import::run(args, domain)),
        Command::Reverse(args) => verb(as_json, &args.deployment, reverse::run(args, domain)),
    }
}

/// Runs an operator's verb to its end. The message of a failed call names the
/// deployment.
fn verb(
    as_json: bool,
    deployment: &deployment::Args,
    verb: impl Future<Output = Outcome>,
) -> Outcome {
    up::init_verbs_log(as_json);
    let outcome = up::runtime()?.block_on(verb);
    outcome.map_err(|end| deployment.explained(end))
}
