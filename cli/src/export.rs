//! `rewind export`: a part of history as JSON Lines, one recorded event a line,
//! in recorded order across streams.
//!
//! What was recorded when it began is in it, nothing later. Memory holds a page
//! of each slice, whatever the history's length.

use crate::{Domain, deployment, exit, progress, selection, up};
use clap::Args as ClapArgs;
use indicatif::ProgressBar;
use rewind::{Recorded, Selection, reversal::Reversal, selection::micros};
use rewind_aws::{given::now, history, lanes, playback::INDEX_LAG};
use serde_json::json;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
};

/// What is exported, and where to.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    deployment: deployment::Args,
    #[command(flatten)]
    selection: selection::Args,
    /// A file to write to, instead of standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// How many events there were, as JSON for machines.
    #[arg(long)]
    json: bool,
}

/// Exports. Exit code 1 says that the selection is refused, 2 that not all of
/// it could be read.
pub fn run(args: &Args, domain: Domain) -> ExitCode {
    up::init_log();
    let selection = match args.selection.selection() {
        Ok(selection) => selection,
        Err(reason) => return exit::refused(&reason),
    };
    let exported =
        up::runtime().and_then(|runtime| runtime.block_on(export(args, &selection, domain)));
    match exported {
        Ok(events) => {
            show(args, events);
            ExitCode::SUCCESS
        }
        Err(reason) => exit::unreadable(&reason),
    }
}

/// Says how many there were; not among the events.
fn show(args: &Args, events: u64) {
    let said = match args.json {
        true => json!({ "events": events }).to_string(),
        false => format!("{events} events"),
    };
    match args.out {
        Some(_) => println!("{said}"),
        None => eprintln!("{said}"),
    }
}

async fn export(args: &Args, selection: &Selection, domain: Domain) -> Result<u64, String> {
    let deployment = args.deployment.open(domain).await?;
    let until = micros(now());
    let mut recorded = BTreeSet::new();
    if selection.streams.is_empty() {
        // All that was recorded by then has to be in the index; a stream's own
        // commits are read from the table.
        tokio::time::sleep(INDEX_LAG).await;
        if selection.categories.is_empty() {
            let read = deployment.events.categories().await;
            recorded = read.map_err(|error| error.to_string())?;
        }
    }
    let mut categories = lanes::categories(selection, &deployment.service);
    categories.extend(recorded.iter().map(String::as_str));
    let lanes = lanes::of(selection, &categories);
    let mut out: Box<dyn Write> = match &args.out {
        Some(path) => {
            let file = File::create(path).map_err(|error| format!("{}: {error}", path.display()));
            Box::new(BufWriter::new(file?))
        }
        None => Box::new(BufWriter::new(std::io::stdout())),
    };
    let spinner = progress::spinner("events");
    let merged = lanes::Merged::new(&deployment.events, lanes, selection, until);
    let taken = async |event: &Recorded| {
        // A reversal goes with the event that it takes back.
        let root = history::root(&deployment.events, event).await;
        let root = root.map_err(|error| error.to_string())?;
        Ok(selection.takes(&root))
    };
    let events = write(merged, selection.count, taken, &mut out, &spinner).await;
    spinner.finish_and_clear();
    events
}

async fn write(
    mut merged: lanes::Merged<'_>,
    count: Option<u64>,
    is_taken: impl AsyncFn(&Recorded) -> Result<bool, String>,
    out: &mut dyn Write,
    spinner: &ProgressBar,
) -> Result<u64, String> {
    let unwritten = |error: std::io::Error| format!("the events could not be written: {error}");
    let mut events = 0;
    while count.is_none_or(|count| events < count) {
        let next = merged.next().await.map_err(|error| error.to_string())?;
        let Some(event) = next else {
            break;
        };
        if Reversal::of(&event).is_some() && !is_taken(&event).await? {
            continue;
        }
        writeln!(out, "{}", line(&event)?).map_err(unwritten)?;
        events += 1;
        spinner.set_position(events);
    }
    out.flush().map_err(unwritten)?;
    Ok(events)
}

/// An event on one line. Payloads are kept as they were received; a line end
/// can only stand between their parts, where a space says as much.
fn line(event: &Recorded) -> Result<String, String> {
    let text = serde_json::to_string(event).map_err(|error| error.to_string())?;
    Ok(text.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_payload_of_many_lines_is_exported_on_one() {
        let text = "{\"id\": \"1\", \"source\": \"/s\", \"type\": \"t\", \"subject\": \"a-1\", \"time\": \"2023-04-19T09:00:00Z\", \"version\": 1, \"position\": 2, \"data\": {\r\n\t\"a\\nb\":\n 1.50 }}";
        let event: Recorded = serde_json::from_str(text).unwrap();
        let line = line(&event).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert!(line.contains("1.50"), "{line}");
        let again: Recorded = serde_json::from_str(&line).unwrap();
        let data: Value = again.data().unwrap();
        assert_eq!(data, event.data::<Value>().unwrap());
    }
}
