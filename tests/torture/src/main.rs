//! Many clients send events, repeats and impostors while requests to AWS fail and
//! functions are killed. At the end, every accepted event is in the events table
//! once, nothing else is, and every projection contains all events.
//!
//! ```sh
//! cargo run --release -p torture -- --events 100000 --streams 1000 --seed 42
//! cargo run --release -p torture -- --commands 10000 --aggregates 100 --clients 8
//! cargo run --release -p torture -- --payments 10000 --clients 8
//! ```
//!
//! With `--commands` they send commands, with `--payments` orders that are paid
//! outside; then only microservice is killed.
//!
//! The functions are processes of this program as well, with the fault layer
//! around their HTTP client.

mod check;
mod commands;
mod faults;
mod kills;
mod load;
mod memory;
mod payments;
mod plan;
mod sent;

use clap::Parser;
use fault_layer::Faults;
use local::{State, System};
use plan::Plan;
use rewind_aws::{
    audit::{report::Counts, run::Audit},
    data_table::data_store::DataStore,
    event_table::event_store::EventStore,
    wiring::Clients,
};
use rewind_cli::{
    client::Client,
    exit::{self, End, Outcome},
    progress, up, verify,
};
use sent::Sent;
use std::{
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long the system may take to become quiet after the last event, and how
/// much longer for each event: a small machine has to end as well.
const PATIENCE: Duration = Duration::from_secs(300);
const PATIENCE_PER_EVENT: Duration = Duration::from_millis(20);

/// What a killed process has recorded is published within a minute, and then
/// read.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(70);

/// The time between two looks at the tables.
const INTERVAL: Duration = Duration::from_secs(5);

/// Loads a system of its own while requests fail and functions are killed, and
/// checks that nothing was lost or done twice.
#[derive(Parser)]
#[command(name = "torture", version)]
struct Args {
    /// The number of events.
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    events: u64,
    /// The number of streams.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    streams: u64,
    /// The seed of events and faults. The same seed sends the same events. Which
    /// request gets a fault also depends on timing.
    #[arg(long)]
    seed: Option<u64>,
    /// The share of the functions' requests to DynamoDB and Kinesis that fails.
    #[arg(long, default_value_t = 0.02)]
    rate: f64,
    /// A function's process is killed about this often, in milliseconds; 0
    /// kills none.
    #[arg(long, default_value_t = 500)]
    kill_every: u64,
    /// The number of clients that send at the same time.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u64).range(1..=64))]
    clients: u64,
    /// The number of commands that are sent instead of events.
    #[arg(long, default_value_t = 0)]
    commands: u64,
    /// The number of aggregates that they are for.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    aggregates: u64,
    /// The number of payments that are made instead: orders, whose money is asked
    /// of a provider that loses a tenth of its answers.
    #[arg(long, default_value_t = 0, conflicts_with = "commands")]
    payments: u64,
    /// Keeps the tables in this folder: `rewind --dir FOLDER` shows what is there.
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// The description of the deployment.
    #[arg(long, default_value = "template.yaml", env = "REWIND_TEMPLATE")]
    template: PathBuf,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match (arguments.next().as_deref(), arguments.next()) {
        (Some("function"), Some(name)) => {
            rewind_cli::function(&name, service::service, faulty_clients())
        }
        _ => exit::code(run(&Args::parse()), false),
    }
}

/// A function's clients, with the faults that the environment asks for.
fn faulty_clients() -> Clients {
    let clients = Clients::from_env();
    match Faults::from_env() {
        Some(faults) => clients.map_config(|config| faults.around(config)),
        None => clients,
    }
}

/// Tortures the system. A violation is an error, and the output names the seed.
fn run(args: &Args) -> Outcome {
    // Failing batches are expected here. `RUST_LOG` shows them.
    up::log("off");
    let seed = args.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let log = faults::Log::new()?;
    let state = args.dir.clone().map_or(State::Ephemeral, State::Folder);
    let mut options = up::options(&args.template, 0, state, None)?;
    options.extra_env = log.environment(seed, args.rate);
    let provider = match args.payments {
        0 => None,
        _ => Some(payments::provider(&mut options)?),
    };
    let plan = Plan::new(seed, args.events, args.streams);
    let outcome = up::runtime()?.block_on(async {
        let system = System::start(options).await;
        let system = system.map_err(|error| End::Failed(error.to_string()));
        let system = Arc::new(system?);
        let outcome = match (&provider, args.commands) {
            (Some(provider), _) => payments::torture(args, seed, &system, &log, provider).await,
            (None, 0) => torture(args, &plan, &system, &log).await,
            (None, _) => commands::torture(args, seed, &system, &log).await,
        };
        // The killing and measuring tasks have ended by now.
        if let Some(system) = Arc::into_inner(system) {
            system.stop().await;
        }
        outcome
    });
    if outcome.is_err() {
        eprintln!("the seed was {seed}");
    }
    outcome
}

async fn torture(args: &Args, plan: &Plan, system: &Arc<System>, log: &faults::Log) -> Outcome {
    let kills = kills::start(system, args.kill_every, plan.seed(), None);
    let memory = memory::start(system);
    let started = Instant::now();
    let sent = send(args, plan, system).await;
    let accepted_after = started.elapsed();
    let tables = tables(system).await?;
    let quiet = wait_until_quiet(args.events, system).await;
    let killed = kills.stop().await;
    let quiet = match quiet {
        Ok(()) => wait_until_published(args.events, system, &tables).await,
        not_quiet => not_quiet,
    };
    let (quiet_after, peaks) = (started.elapsed(), memory.stop().await);
    let sent = sent?;
    println!("sent      {sent}");
    let per_second = |elapsed: Duration| args.events as f64 / elapsed.as_secs_f64();
    println!(
        "took      {:.1} s to accept ({:.0} events/s), {:.1} s to quiet ({:.0} events/s)",
        accepted_after.as_secs_f64(),
        per_second(accepted_after),
        quiet_after.as_secs_f64(),
        per_second(quiet_after),
    );
    for (function, peak) in peaks {
        println!("memory    {function} at most {peak}");
    }
    println!("faults    {}", log.counts(killed)?);
    // A system that does not become quiet is audited as well.
    let counts = audit(&tables).await?;
    let problems = check::check(plan, &sent, &tables.events, &counts).await?;
    for problem in &problems {
        println!("{problem}");
    }
    quiet?;
    if !counts.is_clean() || !problems.is_empty() {
        return Err(End::Refused("violations were found".into()));
    }
    println!("Every accepted event is recorded once, nothing else is, and all have read it.");
    Ok(())
}

/// Sends all events from several clients at once.
async fn send(args: &Args, plan: &Plan, system: &System) -> Result<Sent, End> {
    let sent = Sent::new(plan.events());
    let bar = progress::bar("accepted", args.events);
    let client = Client::new(system.url());
    let clients = (0..args.clients).map(|nth| load::client(nth, plan, &client, &sent, &bar));
    let outcomes = futures::future::join_all(clients).await;
    bar.finish_and_clear();
    outcomes.into_iter().collect::<Result<(), String>>()?;
    Ok(sent)
}

async fn wait_until_quiet(sent: u64, system: &System) -> Outcome {
    let patience = PATIENCE + PATIENCE_PER_EVENT.saturating_mul(sent as u32);
    let bar = progress::bar("settling", 0);
    let quiet = tokio::time::timeout(patience, system.idle()).await;
    bar.finish_and_clear();
    quiet.map_err(|_| {
        let seconds = patience.as_secs();
        End::Refused(format!("the system is not quiet after {seconds} s"))
    })
}

/// Waits until the schedule has published what was recorded by processes that
/// were killed before they could publish it: not longer than that may take.
async fn wait_until_published(sent: u64, system: &System, tables: &Tables) -> Outcome {
    wait_until_quiet(sent, system).await?;
    let quiet = Instant::now();
    while quiet.elapsed() < PUBLISHED_WITHIN && verify::audited(&tables.audit()).await?.lagging > 0
    {
        tokio::time::sleep(INTERVAL).await;
        wait_until_quiet(sent, system).await?;
    }
    Ok(())
}

/// Both tables, without faults.
struct Tables {
    events: EventStore,
    data: DataStore,
}

async fn tables(system: &System) -> Result<Tables, End> {
    let clients = Clients::at(system.dynamodb_endpoint(), system.kinesis_endpoint()).await;
    let tables = ("EventsTable", "DataTable");
    let (Some(events), Some(data)) = (system.table(tables.0), system.table(tables.1)) else {
        let why = format!("the template lacks {} or {}", tables.0, tables.1);
        return Err(End::Failed(why));
    };
    Ok(Tables {
        events: clients.event_store(events),
        data: clients.data_store(data),
    })
}

impl Tables {
    fn audit(&self) -> Audit {
        let (events, data) = (self.events.clone(), self.data.clone());
        Audit::new(service::service(), events, data)
    }
}

async fn audit(tables: &Tables) -> Result<Counts, End> {
    let started = Instant::now();
    let counts = verify::audited(&tables.audit()).await?;
    println!("verified  in {:.1} s", started.elapsed().as_secs_f64());
    verify::show_counts(&counts)?;
    Ok(counts)
}
