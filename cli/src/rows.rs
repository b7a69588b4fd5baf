//! `rewind row` and `rewind rows`: rows of a projection, as
//! `GET /projections/{name}` answers them.

use crate::{
    deployment::{self, Part, Question},
    domain::Domain,
    end::Outcome,
    listed,
    out::{note, say},
    read::on_one_line,
    up,
};
use clap::Args as ClapArgs;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// The most rows of one answer.
const PAGE: u64 = 1000;

/// Which row, and of when.
#[derive(ClapArgs)]
pub struct RowArgs {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The projection.
    projection: String,
    /// The row's key.
    key: String,
    /// The row as it was at this version of its stream.
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["as_of", "generation"])]
    at: Option<u64>,
    /// The row as it was at this time, RFC 3339: what was recorded by then.
    #[arg(long, value_name = "TIME", conflicts_with = "generation")]
    as_of: Option<String>,
    /// The row of this generation, instead of the one that serves.
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Which rows.
#[derive(ClapArgs)]
pub struct RowsArgs {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The projection.
    projection: String,
    /// Only rows whose keys begin with this.
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Only rows whose secondary key, of this name, has this value.
    #[arg(long = "where", value_name = "NAME=VALUE", value_parser = up::parameter)]
    by: Option<(String, String)>,
    /// The most rows.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// All rows.
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// The rows of this generation, instead of the one that serves.
    #[arg(long, value_name = "N")]
    generation: Option<u64>,
    /// JSON Lines for machines: a row a line.
    #[arg(long)]
    json: bool,
}

/// A row in an answer.
#[derive(Deserialize)]
struct Row {
    key: String,
    watermark: Option<u64>,
    state: Box<RawValue>,
    stalled: Option<String>,
}

/// Prints a row.
pub async fn row(args: &RowArgs, domain: Domain) -> Outcome {
    let parts = [Part::EventsTable, Part::DataTable];
    let deployment = args.deployment.open(domain, &parts).await?;
    deployment.projection(&args.projection)?;
    let question = Question::to("GET /projections/{name}")
        .path("name", &args.projection)
        .parameter("key", &args.key)
        .option("at", args.at)
        .option("as_of", args.as_of.as_ref())
        .option("generation", args.generation);
    let text = deployment.ask(&question).await?;
    if args.json {
        return say!("{text}");
    }
    let row: Row = deployment::read(&text)?;
    let name = &args.projection;
    say!("{name} {:?}{}", row.key, told(&row))?;
    let state: Value = deployment::read(row.state.get())?;
    say!("{state:#}")
}

/// Prints rows.
pub async fn rows(args: &RowsArgs, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::DataTable]).await?;
    deployment.projection(&args.projection)?;
    let most = if args.all { u64::MAX } else { args.limit };
    let question = Question::to("GET /projections/{name}")
        .path("name", &args.projection)
        .option("prefix", args.prefix.as_ref())
        .option("by", args.by.as_ref().map(|(name, _)| name))
        .option("value", args.by.as_ref().map(|(_, value)| value))
        .option("generation", args.generation);
    let show = |row: &RawValue| show(row, args.json);
    let listed = listed::each(&deployment, &question, most, PAGE, show).await?;
    if listed.has_more && !args.json {
        note!("there may be more: --limit N or --all shows them");
    }
    Ok(())
}

fn show(row: &RawValue, as_json: bool) -> Outcome {
    if as_json {
        return say!("{}", on_one_line(row.get()));
    }
    let row: Row = deployment::read(row.get())?;
    let state = on_one_line(row.state.get());
    say!("{}{}  {state}", row.key, told(&row))
}

/// What stands beside a row's key.
fn told(row: &Row) -> String {
    let watermark = row
        .watermark
        .map_or(String::new(), |at| format!(" at version {at}"));
    let stalled = row.stalled.as_ref();
    let stalled = stalled.map_or(String::new(), |why| format!(", stalled: {why}"));
    format!("{watermark}{stalled}")
}
