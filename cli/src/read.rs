//! `rewind read`: prints the events of a stream, in their order.

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    export::line,
    out::{note, say},
};
use clap::Args as ClapArgs;
use rewind::{RecordedEvent, StreamName};

/// Which events.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The stream, such as `cart-456`.
    stream: StreamName,
    /// The version of the first event.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// The most events.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// All events to the end of the stream.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// JSON Lines for machines: a recorded event a line.
    #[arg(long)]
    json: bool,
}

/// Prints events.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    let Args { stream, from, .. } = args;
    let through = match args.all {
        true => u64::MAX,
        false => from.saturating_add(args.limit - 1),
    };
    let mut last = from - 1;
    loop {
        let read = deployment.events.read_events(stream, last, through);
        let (events, has_more) = read.await?;
        for event in &events {
            show(event, args.json)?;
        }
        last = events.last().map_or(last, |event| event.version);
        if events.is_empty() || !has_more || last >= through {
            break;
        }
    }
    let head = deployment.events.head(stream).await?.version;
    if head == 0 {
        return Err(unknown(stream));
    }
    if !args.json && last < *from {
        note!("{stream} has {head} events, and none from version {from} on");
    } else if !args.json && last < head {
        let next = last + 1;
        note!(
            "{} more: --from {next} goes on, --all shows them",
            head - last
        );
    }
    Ok(())
}

/// The end of a verb that names a stream without events.
pub fn unknown(stream: &StreamName) -> End {
    End::Wrong(format!(
        "there is no stream {stream}: `rewind streams` lists them"
    ))
}

/// Prints an event: as JSON, or its place, its time, its type and its data.
///
/// # Errors
///
/// When standard output cannot be written.
pub fn show(event: &RecordedEvent, as_json: bool) -> Outcome {
    if as_json {
        let line = line(event).map_err(|error| End::Failed(error.to_string()))?;
        return say!("{line}");
    }
    let RecordedEvent { event, version, .. } = event;
    let data = match event.data_base64() {
        Some(bytes) => format!("{} bytes of base64", bytes.len()),
        None => on_one_line(event.data.get()),
    };
    let (stream, time, kind) = (&event.stream, &event.time, &event.event_type);
    say!("{stream}@{version}  {time}  {kind}  {data}")
}

/// A JSON text on one line.
pub fn on_one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}
