//! `rewind export`: writes all or part of history as JSON Lines, one recorded
//! event a line, in recorded order across streams.
//!
//! It contains what was recorded before it began. Memory holds one page of each
//! partition, whatever the length of the history.

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    out::{self, note, say},
    progress, selection,
};
use clap::Args as ClapArgs;
use indicatif::ProgressBar;
use rewind::{RecordedEvent, Selection, reversal::Reversal, selection::micros};
use rewind_aws::{
    aws::clock::now,
    event_table::event_store::EventStore,
    history::{merged::Merged, partition, resolve},
    playback::player::INDEX_LAG,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

/// What is exported, and where to.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    #[command(flatten)]
    selection: selection::Args,
    /// A file to write to, instead of standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    /// The number of events as JSON for machines.
    #[arg(long)]
    json: bool,
}

/// Exports.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let selection = args.selection.selection()?;
    let events = export(args, &selection, domain).await?;
    // Standard output may hold the events, so the number goes to standard error.
    let said = match args.json {
        true => json!({ "events": events }).to_string(),
        false => format!("{events} events"),
    };
    match args.out {
        Some(_) => say!("{said}"),
        None => {
            note!("{said}");
            Ok(())
        }
    }
}

async fn export(args: &Args, selection: &Selection, domain: Domain) -> Result<u64, End> {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    let until = micros(now());
    let mut recorded = BTreeSet::new();
    if selection.streams.is_empty() {
        // The index has to hold everything that was recorded until now. For
        // single streams the table is read.
        tokio::time::sleep(INDEX_LAG).await;
        if selection.categories.is_empty() {
            recorded = deployment.events.categories().await?;
        }
    }
    let mut categories = partition::categories(selection, &deployment.service);
    categories.extend(recorded.iter().map(String::as_str));
    let partitions = partition::of(selection, &categories);
    let mut out = Out::open(args)?;
    let bar = bar(&deployment.events, &partitions, selection, until).await?;
    let merged = Merged::new(&deployment.events, partitions, selection, until);
    let events = write(merged, &deployment.events, selection, &mut out, &bar).await;
    bar.finish_and_clear();
    events
}

/// A bar for the events, where their number is found out soon. A part of the
/// events of a stream is not counted before it is read.
async fn bar(
    store: &EventStore,
    partitions: &[String],
    selection: &Selection,
    until: u64,
) -> Result<ProgressBar, End> {
    if !selection.is_whole_streams() {
        return Ok(progress::spinner("events"));
    }
    let mut events = 0;
    for partition in partitions {
        match partition::count(store, partition, selection, until).await? {
            Some(count) => events += count,
            None => return Ok(progress::spinner("events")),
        }
    }
    Ok(progress::bar("exporting", events))
}

async fn write(
    mut merged: Merged<'_>,
    store: &EventStore,
    selection: &Selection,
    out: &mut Out,
    bar: &ProgressBar,
) -> Result<u64, End> {
    let mut events = 0;
    while selection.count.is_none_or(|count| events < count) {
        let Some(event) = merged.next().await? else {
            break;
        };
        if Reversal::is_one(&event) && !is_taken(store, selection, &event).await? {
            continue;
        }
        let line = line(&event).map_err(|error| End::Failed(error.to_string()))?;
        out.write(|to| writeln!(to, "{line}"))?;
        events += 1;
        bar.set_position(events);
    }
    out.write(|to| to.flush())?;
    Ok(events)
}

/// Whether a reversal is exported: if the event that it takes back is, or if
/// the selection names the reversal's own type.
async fn is_taken(
    store: &EventStore,
    selection: &Selection,
    reversal: &RecordedEvent,
) -> Result<bool, End> {
    let mut types = selection.types.iter();
    if types.any(|asked| asked == reversal.event_type()) && selection.names(reversal) {
        return Ok(true);
    }
    let root = resolve::root(store, reversal).await?;
    Ok(selection.takes(&root))
}

/// The destination of the events.
enum Out {
    File(PathBuf, BufWriter<File>),
    Standard(BufWriter<io::Stdout>),
}

impl Out {
    fn open(args: &Args) -> Result<Self, End> {
        let Some(path) = &args.out else {
            return Ok(Self::Standard(BufWriter::new(io::stdout())));
        };
        let file = File::create(path);
        let file = file.map_err(|error| End::Failed(format!("{}: {error}", path.display())));
        Ok(Self::File(path.clone(), BufWriter::new(file?)))
    }

    fn write(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Outcome {
        match self {
            Self::File(path, file) => {
                write(file).map_err(|error| End::Failed(format!("{}: {error}", path.display())))
            }
            Self::Standard(out) => out::written(write(out)),
        }
    }
}

/// Writes an event on one line. Payloads stay as they were received, but a line
/// end between their parts becomes a space.
pub fn line(event: &RecordedEvent) -> serde_json::Result<String> {
    let text = serde_json::to_string(event)?;
    Ok(text.replace(['\n', '\r'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_payload_of_many_lines_is_exported_on_one() {
        let text = "{\"id\": \"1\", \"source\": \"/s\", \"type\": \"t\", \"subject\": \"a-1\", \"time\": \"2023-04-19T09:00:00Z\", \"version\": 1, \"position\": 2, \"data\": {\r\n\t\"a\\nb\":\n 1.50 }}";
        let event: RecordedEvent = serde_json::from_str(text).unwrap();
        let line = line(&event).unwrap();
        assert_eq!(line.lines().count(), 1);
        assert!(line.contains("1.50"), "{line}");
        let again: RecordedEvent = serde_json::from_str(&line).unwrap();
        let data: Value = again.data().unwrap();
        assert_eq!(data, event.data::<Value>().unwrap());
    }
}
