//! The verbs and options that the program can be called with.

use crate::{
    check, compare, completions, console, demo, exit, export, generation, import, ledger, letters,
    new, partitions, playback, playbacks, read, replay, resume, retry, reverse, rows, send, status,
    streams, tail, trace, typescript, up, verify,
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
    /// Shows how the whole system is: lag, stalls, failing shards, playbacks, dead
    /// letters, calls that wait; live with `--watch`.
    Status(status::Args),
    /// Sends events through the checks of ingest, and says of each what became of
    /// it.
    Send(send::Args),
    /// Prints the events of a stream.
    Read(read::Args),
    /// Lists streams by name.
    Streams(streams::Args),
    /// Prints events as they are recorded, until Ctrl-C.
    Tail(tail::Args),
    /// Prints what led to an event, and what it has led to, as a tree.
    Trace(trace::Args),
    /// Prints a row of a projection, also as it was.
    Row(rows::RowArgs),
    /// Prints the rows of a projection.
    Rows(rows::RowsArgs),
    /// Reads both tables and names every violation of the invariants: locally,
    /// behind an endpoint, or on AWS.
    Verify(verify::Args),
    /// Folds a sample of the rows that serve again, and names a projection whose
    /// code has changed without its VERSION.
    Check(check::Args),
    /// Shows how many partitions the indexes of categories have, or raises them.
    Partitions(partitions::Args),
    /// Lists the batches that triggers have given up on, shows one, or puts its
    /// records onto their stream again.
    DeadLetters(letters::Args),
    /// Resumes stalled streams after the fix, from the events table.
    Resume(resume::Args),
    /// Plays back all or part of history: to rebuild a projection, to answer a
    /// question from a part of history, to feed a subscriber.
    Replay(Box<replay::Args>),
    /// Follows a playback, pauses, resumes or cancels it.
    Playback(playback::Args),
    /// Lists playbacks, the newest first.
    Playbacks(playbacks::Args),
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
    /// Prints a script that completes verbs and options in a shell.
    Completions(completions::Args),
    /// Prints OpenAPI of the HTTP API, with this program's events and commands.
    Openapi,
    /// Prints AsyncAPI of what goes over Kinesis, with this program's events.
    Asyncapi,
    /// Writes a typed client of this program's domain.
    Client(typescript::Args),
    /// Reverses one event: shows what would change, asks, and records why and
    /// by whom.
    Reverse(reverse::Args),
    /// Serves the console of a deployment on this machine, and signs its requests
    /// with your credentials.
    Console(console::Args),
    /// Runs one function under the Lambda Runtime API. The local system starts
    /// one such process for each function.
    #[command(hide = true)]
    Function {
        /// The function's binary, such as `ingest`.
        name: String,
    },
}
