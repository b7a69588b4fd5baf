//! `rewind completions`: prints a script that completes verbs and options in a
//! shell. It asks no system.

use crate::{
    command_line::Cli,
    end::Outcome,
    out::{self},
};
use clap::{Args as ClapArgs, CommandFactory};
use clap_complete::{Shell, generate};
use std::io::{self, Write};

/// For which shell.
#[derive(ClapArgs)]
pub struct Args {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> Outcome {
    let mut command = Cli::command();
    let name = command.get_name().to_string();
    // `generate` panics where it cannot write: memory takes it first.
    let mut script = Vec::new();
    generate(args.shell, &mut command, name, &mut script);
    let mut out = io::stdout().lock();
    out::written(out.write_all(&script).and_then(|()| out.flush()))
}
