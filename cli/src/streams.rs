//! `rewind streams`: lists streams by name.

use crate::{
    deployment::{self, Part, Question},
    domain::Domain,
    end::Outcome,
    out::{note, say},
    read::on_one_line,
};
use clap::Args as ClapArgs;
use rewind::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

/// The most streams of one answer.
const PAGE: u64 = 1000;

/// Which streams.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// Only streams of this category.
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Only streams whose names begin with this; with --category, whose ids do.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// The most streams.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// All streams.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// JSON Lines for machines: a stream a line.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Streams {
    streams: Vec<Box<RawValue>>,
    next: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    stream: String,
    position: u64,
}

/// Lists streams.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    let mut left = if args.all { u64::MAX } else { args.limit };
    let mut cursor: Option<String> = None;
    let mut is_empty = true;
    loop {
        let mut question = Question::to("GET /streams")
            .parameter("limit", &left.min(PAGE).to_string())
            .option("category", args.category.as_ref())
            .option("prefix", args.prefix.as_ref());
        if let Some(cursor) = &cursor {
            question = question.parameter("cursor", cursor);
        }
        let page: Streams = deployment.asked(&question).await?;
        for stream in &page.streams {
            show(stream, args.json)?;
        }
        is_empty &= page.streams.is_empty();
        left = left.saturating_sub(page.streams.len() as u64);
        cursor = page.next;
        if cursor.is_none() || left == 0 {
            break;
        }
    }
    match (args.json, is_empty, cursor) {
        (false, true, _) => note!("there are no such streams"),
        (false, false, Some(_)) => note!("there are more: --limit N or --all shows them"),
        _ => {}
    }
    Ok(())
}

fn show(stream: &RawValue, as_json: bool) -> Outcome {
    if as_json {
        return say!("{}", on_one_line(stream.get()));
    }
    let Stream { stream, position } = deployment::read(stream.get())?;
    // A position is a time in microseconds.
    let since = i64::try_from(position).ok();
    match since.and_then(|micros| Timestamp::from_microsecond(micros).ok()) {
        Some(since) => say!("{stream}  since {since:.3}"),
        None => say!("{stream}"),
    }
}
