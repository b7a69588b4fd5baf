//! `rewind import`: puts events from JSON Lines on the stream of accepted
//! events, where the deployed functions take them like any others.
//!
//! Identities are recorded once, so that importing again is harmless. What
//! names an event by its version is made to name the one that the event gets
//! in a stream that is new: see [`places`].

mod line;
mod lines;
mod positions;
mod send;

use crate::{
    Domain,
    deployment::{self, Part},
    exit::{End, Outcome},
    out::say,
    progress,
};
use clap::Args as ClapArgs;
use line::{Bad, Line};
use lines::{LineError, Lines};
use positions::{Placed, Positions};
use rewind::{RecordedEvent, reversal::place};
use rewind_aws::event_table::event_store::EventStore;
use send::Sender;
use serde_json::json;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// How long an event that a reversal takes back may take to be recorded.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked for.
const INTERVAL: Duration = Duration::from_millis(50);

/// What is imported, and where to.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// A file of JSON Lines, recorded events or plain CloudEvents, those of
    /// one stream in order; `-` is standard input.
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
    /// The line that it stopped at, and why.
    stopped: Option<(u64, Stop)>,
}

/// Why a line is not imported.
enum Stop {
    /// It is not taken.
    Refused(Bad),
    /// It could not be read, or what waits with it not be sent.
    Failed(String),
}

/// Imports. A line that is not taken is not done.
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
    let spinner = progress::spinner("events sent");
    let mut sender = Sender::new(deployment.incoming, spinner.clone());
    let read = all(&mut lines, &deployment.events, &mut sender).await;
    // What stands before a line that is not taken is sent all the same.
    let sent = sender.flush().await.map_err(Stop::Failed);
    spinner.finish_and_clear();
    let stopped = read.and(sent).err();
    Ok(Imported {
        events: sender.events,
        streams: sender.streams(),
        stopped: stopped.map(|stop| (lines.number, stop)),
    })
}

async fn all(lines: &mut Lines, events: &EventStore, sender: &mut Sender) -> Result<(), Stop> {
    let mut places = Positions::default();
    while let Some(text) = lines.next()? {
        let bytes = text.len();
        let placed = places.place(Line::read(text)?)?;
        wait_for_reversed(events, &placed, sender).await?;
        let sent = sender.add(placed.event, bytes).await;
        sent.map_err(Stop::Failed)?;
    }
    Ok(())
}

/// Waits until the event that a reversal takes back stands where the reversal
/// says. Reactions write to the same streams meanwhile, and the stream may not
/// be new: what stands there instead must not be taken back.
async fn wait_for_reversed(
    events: &EventStore,
    placed: &Placed,
    sender: &mut Sender,
) -> Result<(), Stop> {
    let Some(reversal) = &placed.reversal else {
        return Ok(());
    };
    let (stream, version) = (&placed.event.stream, reversal.version);
    let started = Instant::now();
    loop {
        let read = events.read_events(stream, version.saturating_sub(1), version);
        let (standing, _) = read
            .await
            .map_err(|error| Stop::Failed(error.to_string()))?;
        if let Some(RecordedEvent { event, .. }) = standing.first() {
            if (&event.source, &event.id) == (&reversal.source, &reversal.id) {
                return Ok(());
            }
            let place = place(stream, version);
            let why = format!(
                "would take back {place}, which is another event here: reversals go into streams that are new, or were imported from the same lines"
            );
            return Err(Bad::field("data.version", why).into());
        }
        if started.elapsed() > PATIENCE {
            let (place, seconds) = (place(stream, version), PATIENCE.as_secs());
            return Err(Stop::Failed(format!(
                "takes back {place}, which is not recorded after {seconds} s: is the pump at work?"
            )));
        }
        // It may be among what waits.
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
            None => say!("{events} events of {streams} streams were sent"),
            Some((line, _)) => say!(
                "{events} events of {streams} streams were sent before line {line}; importing them again is harmless"
            ),
        }
    }

    fn show_json(&self) -> Outcome {
        let mut said = json!({"events": self.events, "streams": self.streams});
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
