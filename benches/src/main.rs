//! Measures Rewind beside what else one could use, in one run, and writes the
//! table: `just bench`.
//!
//! CPU time and counts first: neighbours on the machine do not change them much.
//! Contenders take turns round by round, so that a slow minute meets them all.

mod canned;
mod contenders;
mod cpu;
mod engine;
#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../../shared/rewind-aws/tests/capacity/meter.rs"]
mod meter;
mod payload;
mod proxy;
mod rows;
mod table;

use clap::{Parser, Subcommand};
use std::{fs, path::PathBuf, process::Command};
use table::{Line, markdown};

type Error = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Error>;

/// Measures Rewind beside its baselines.
#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Only these rows of the table.
    #[arg(long, value_delimiter = ',', value_name = "ROW")]
    rows: Vec<u8>,
    /// How often each contender takes its turn.
    #[arg(long, default_value_t = 5, value_name = "N")]
    rounds: usize,
    /// How many events the whole system takes, one number after the other.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "10000,100000",
        value_name = "N"
    )]
    events: Vec<u64>,
    /// Where the table is written.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Verb {
    /// Is a DynamoDB and a Kinesis of its own process.
    #[command(hide = true)]
    Engine,
}

/// How a row is measured.
struct Plan {
    rounds: usize,
    events: Vec<u64>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let args = Args::parse();
    if let Some(Verb::Engine) = args.verb {
        return engine::serve().await;
    }
    if cfg!(debug_assertions) {
        eprintln!("this is a debug build: its figures say nothing; use --release");
    }
    let plan = Plan {
        rounds: args.rounds.max(1),
        events: args.events,
    };
    let wanted = |row: u8| args.rows.is_empty() || args.rows.contains(&row);
    let mut lines: Vec<Line> = Vec::new();
    let mut failed = Vec::new();
    for row in (1..=9).filter(|row| wanted(*row)) {
        eprintln!("row {row}");
        match measured(row, &plan).await {
            Ok(measured) => lines.extend(measured),
            // What the others have taken is worth more than a table without a gap.
            Err(error) => {
                eprintln!("row {row} is not measured: {error}");
                failed.push(row);
            }
        }
    }
    let text = format!("{}\n{}", about(&plan), markdown(&lines));
    println!("{text}");
    if let Some(path) = args.out {
        fs::write(path, text)?;
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("rows {failed:?} are not measured").into()),
    }
}

/// The lines of a row. Row 8 is measured with row 5.
async fn measured(row: u8, plan: &Plan) -> Result<Vec<Line>> {
    Ok(match row {
        1 => rows::decode::measure(plan).await?,
        2 => rows::cold::measure(plan).await?,
        3 => rows::append::measure(plan).await?,
        4 => rows::append::batches(plan).await?,
        5 => {
            let mut lines = rows::reading::measure(plan).await?;
            lines.extend(rows::singly::measure().await?);
            lines.extend(rows::system::measure(plan).await?);
            lines
        }
        6 => rows::scale::measure(plan).await?,
        7 => rows::kinesis::measure()?,
        9 => rows::command::measure(plan).await?,
        _ => Vec::new(),
    })
}

/// A program that was built with this one.
fn program(name: &str) -> Result<PathBuf> {
    let here = std::env::current_exe()?;
    let program = here.with_file_name(name);
    match program.is_file() {
        true => Ok(program),
        false => Err(format!("{} is not built: `just bench` does", program.display()).into()),
    }
}

/// On which machine, when, how.
fn about(plan: &Plan) -> String {
    let date = &rewind_aws::aws::clock::now().to_string()[..10];
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let cpu = cpu.map_or("a machine", |name| {
        name.trim_start_matches([':', ' ', '\t'])
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let commit = Command::new("git")
        .args(["rev-parse", "--short", "HEAD"])
        .output();
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_string());
    let rounds = plan.rounds;
    format!(
        "# Results\n\nWritten by `just bench`: docs/performance.md says what it means. A missed target stays here.\n\nMeasured on {date} at {}, on {cores} cores of {cpu}: {rounds} rounds, in which all contenders take turns. A figure is the median, with the least and the most in brackets.\n",
        commit.unwrap_or_default()
    )
}
