//! The verbs and options that the program can be called with.

use crate::{
    compare, demo, exit, export, generation, import, ledger, new, playback, replay, resume, retry,
    reverse, up, verify,
};
use clap::{Parser, Subcommand};

/// Event sourcing on AWS Lambda. Without a verb: runs the whole system on this
/// machine, as template.yaml describes it.
#[derive(Parser)]
#[command(name = "rewind", version, after_help = exit::help())]
pub struct Cli {
    #[command(flatten)]
    pub up: up::Args,
    #[command(subcommand)]
    pub command: Option<Command>,
}

#[derive(Subcommand)]
pub enum Command {
    /// Makes a repository of one's own: a domain, the six functions, the
    /// deployment, tests.
    New(new::Args),
    /// Brings a newer template into such a repository, and shows the difference.
    Upgrade(new::upgrade::Args),
    /// Demonstrates Rewind on a system of its own that keeps nothing: sends
    /// events, reads projections, deletes the data store and rebuilds it by a
    /// playback.
    Demo(demo::Args),
    /// Reads both tables and names every violation of the invariants: locally,
    /// behind an endpoint, or on AWS.
    Verify(verify::Args),
    /// Resumes stalled streams after the fix, from the events table.
    Resume(resume::Args),
    /// Plays back all or part of history: to rebuild a projection, to answer a
    /// question from a part of history, to feed a subscriber.
    Replay(Box<replay::Args>),
    /// Follows a playback, pauses, resumes or cancels it.
    Playback(playback::Args),
    /// Makes another generation of a projection serve: one that has caught up,
    /// or, as a rollback, the previous one.
    Activate(generation::ActivateArgs),
    /// Drops a generation of a projection.
    Drop(generation::Args),
    /// Compares two generations of a projection: rows, checksums, and the rows
    /// that differ.
    Compare(compare::Args),
    /// Prints what a gateway has sent outside: when, because of what, and with
    /// which answer.
    Ledger(ledger::Args),
    /// Lets calls of a gateway be tried again that were given up, or imported.
    Retry(retry::Args),
    /// Writes all or part of history as JSON Lines of CloudEvents.
    Export(Box<export::Args>),
    /// Sends events from JSON Lines to be recorded, such as to seed another
    /// environment.
    Import(import::Args),
    /// Prints the JSON Schema of every event type of this program's domain.
    Schemas,
    /// Reverses one event: shows what would change, asks, and records why and
    /// by whom.
    Reverse(reverse::Args),
    /// Runs one function under the Lambda Runtime API. The local system starts
    /// one such process for each function.
    #[command(hide = true)]
    Function {
        /// The function's binary, such as `ingest`.
        name: String,
    },
}
