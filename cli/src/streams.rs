//! `rewind streams`: lists streams by name.

use crate::{
    deployment::{self, Part, Question},
    domain::Domain,
    end::Outcome,
    listed::{self, Listed},
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
struct Stream {
    stream: String,
    position: u64,
}

/// Lists streams.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    let most = if args.all { u64::MAX } else { args.limit };
    let question = Question::to("GET /streams")
        .option("category", args.category.as_ref())
        .option("prefix", args.prefix.as_ref());
    let show = |stream: &RawValue| show(stream, args.json);
    let listed = listed::each(&deployment, &question, most, PAGE, show).await?;
    match (args.json, listed) {
        (false, Listed { is_empty: true, .. }) => note!("there are no such streams"),
        (false, Listed { has_more: true, .. }) => {
            note!("there are more: --limit N or --all shows them");
        }
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
