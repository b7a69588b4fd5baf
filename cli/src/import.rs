//! `rewind import`: puts events from JSON Lines on the stream of accepted
//! events. The deployed functions process them like all others.
//!
//! An identity is recorded once, so importing twice is harmless. References to
//! versions are rewritten for a new stream: see [`renumbered`]. What another
//! system has decided is not decided again: see [`claims`]. What another system
//! has told of its rows is left out: this one folds rows of its own from what is
//! imported, and tells what becomes of them. Nor does it get the partitions of
//! another one.

mod claims;
mod line;
mod lines;
mod renumbered;
mod send;

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    out::say,
    progress,
};
use clap::Args as ClapArgs;
use line::{Bad, Line};
use lines::{LineError, Lines};
use renumbered::{NewVersions, Renumbered};
use rewind::{RecordedEvent, reserved::FEED_SOURCE, reversal::place};
use rewind_aws::event_table::{event_store::EventStore, slices};
use send::Sender;
use serde_json::json;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long the recording of an event may take before its reversal is sent.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time between two looks at the events table.
const INTERVAL: Duration = Duration::from_millis(50);

/// What is imported, and into which deployment.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// A file of JSON Lines: recorded events or plain CloudEvents, the events
    /// of a stream in order; `-` is standard input.
    file: PathBuf,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// How an import ended.
struct Imported {
    events: u64,
    streams: usize,
    /// The number of changes of rows among the lines.
    left_out: u64,
    /// The line at which it stopped, and why.
    stopped: Option<(u64, Stop)>,
}

/// Why a line is not imported.
enum Stop {
    /// The line is not valid.
    Refused(Bad),
    /// Reading or sending has failed.
    Failed(String),
}

/// Imports. An invalid line ends the import without success.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let imported = import(args, domain).await?;
    match args.json {
        true => imported.show_json()?,
        false => imported.show()?,
    }
    match imported.stopped {
        None => Ok(()),
        Some((line, Stop::Refused(bad))) => Err(End::Refused(format!("line {line}: {bad}"))),
        Some((line, Stop::Failed(reason))) => Err(End::Service(format!("line {line}: "), reason)),
    }
}

async fn import(args: &Args, domain: Domain) -> Result<Imported, End> {
    let file = args.file.display();
    let lines = Lines::open(&args.file).map_err(|error| End::Wrong(format!("{file}: {error}")));
    let mut lines = lines?;
    let parts = [Part::EventsTable, Part::IncomingStream];
    let deployment = args.deployment.open(domain, &parts).await?;
    deployment.confirm(&format!("import {file}"), args.yes)?;
    let bar = progress::bytes("importing", lines.bytes);
    let mut sender = Sender::new(deployment.incoming, bar.clone());
    let claimed = claims::claim(&mut lines, &deployment.events).await;
    let mut left_out = 0;
    let read = match claimed {
        Ok(()) => all(&mut lines, &deployment.events, &mut sender, &mut left_out).await,
        Err(stop) => Err(stop),
    };
    // The lines before an invalid line are sent all the same.
    let sent = sender.flush().await.map_err(Stop::Failed);
    bar.finish_and_clear();
    let stopped = read.and(sent).err();
    Ok(Imported {
        events: sender.events,
        streams: sender.streams(),
        left_out,
        stopped: stopped.map(|stop| (lines.number, stop)),
    })
}

async fn all(
    lines: &mut Lines,
    events: &EventStore,
    sender: &mut Sender,
    left_out: &mut u64,
) -> Result<(), Stop> {
    let mut versions = NewVersions::default();
    while let Some(text) = lines.next()? {
        let bytes = text.len();
        let line = Line::read(text)?;
        sender.reached(lines.read);
        let source = &line.event.source;
        let is_own = source.starts_with(FEED_SOURCE) || source == slices::SOURCE;
        if line.version.is_some() && is_own {
            *left_out += 1;
            continue;
        }
        let renumbered = versions.renumber(line)?;
        wait_for_reversed(events, &renumbered, sender).await?;
        let sent = sender.add(renumbered.event, bytes).await;
        sent.map_err(Stop::Failed)?;
    }
    Ok(())
}

/// For a reversal: waits until the event that it takes back is recorded at the
/// version that it names. Another event may have that version, because the
/// stream is not new or a reaction has written to it: that event must not be
/// taken back.
async fn wait_for_reversed(
    events: &EventStore,
    renumbered: &Renumbered,
    sender: &mut Sender,
) -> Result<(), Stop> {
    let Some(reversal) = &renumbered.reversal else {
        return Ok(());
    };
    let (stream, version) = (&renumbered.event.stream, reversal.version);
    let started = Instant::now();
    loop {
        let read = events.read_events(stream, version.saturating_sub(1), version);
        let (recorded, _) = read
            .await
            .map_err(|error| Stop::Failed(error.to_string()))?;
        if let Some(RecordedEvent { event, .. }) = recorded.first() {
            if (&event.source, &event.id) == (&reversal.source, &reversal.id) {
                return Ok(());
            }
            let place = place(stream, version);
            let why = format!(
                "would take back {place}, which is another event here: a reversal can be imported into a new stream, or into one that was imported from the same lines"
            );
            return Err(Bad::field("data.version", why).into());
        }
        if started.elapsed() > PATIENCE {
            let (place, seconds) = (place(stream, version), PATIENCE.as_secs());
            return Err(Stop::Failed(format!(
                "takes back {place}, which is not recorded after {seconds} s: does pump run?"
            )));
        }
        // It may be among the events that are not sent yet.
        sender.flush().await.map_err(Stop::Failed)?;
        tokio::time::sleep(INTERVAL).await;
    }
}

impl From<Bad> for Stop {
    fn from(bad: Bad) -> Self {
        Self::Refused(bad)
    }
}

impl From<LineError> for Stop {
    fn from(error: LineError) -> Self {
        match error {
            LineError::Bad(bad) => Self::Refused(bad),
            LineError::Io(error) => Self::Failed(error.to_string()),
        }
    }
}

impl Imported {
    fn show(&self) -> Outcome {
        let (events, streams) = (self.events, self.streams);
        match &self.stopped {
            None if self.left_out > 0 => say!(
                "{events} events of {streams} streams were sent; {} changes of rows were left out, as the rows here tell their own",
                self.left_out
            ),
            None => say!("{events} events of {streams} streams were sent"),
            Some((line, _)) => say!(
                "{events} events of {streams} streams were sent before line {line}; importing them again is harmless"
            ),
        }
    }

    fn show_json(&self) -> Outcome {
        let mut said = json!({"events": self.events, "streams": self.streams});
        if self.left_out > 0 {
            said["leftOut"] = self.left_out.into();
        }
        match &self.stopped {
            None => {}
            Some((line, Stop::Refused(Bad { field, detail }))) => {
                said["stopped"] = json!({"line": line, "field": field, "detail": detail});
            }
            Some((line, Stop::Failed(reason))) => {
                said["stopped"] = json!({"line": line, "detail": reason});
            }
        }
        say!("{said}")
    }
}
