//! `rewind reverse`: shows what would change without an event, then takes it
//! back.

use crate::{
    Domain,
    deployment::{self, Deployment},
    exit,
    playback::refused,
    up,
};
use clap::Args as ClapArgs;
use rewind::{StreamName, reversal::place};
use rewind_aws::{
    history,
    reversal::{Named, Preview, ReverseError, Reverser},
};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    time::{Duration, Instant},
};

/// How long the reversal may take to be recorded.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which event is taken back.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    deployment: deployment::Args,
    /// Its stream.
    stream: StreamName,
    /// Its version.
    version: u64,
    /// Why.
    #[arg(long)]
    reason: String,
    /// By whom.
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
    /// Only shows what would change.
    #[arg(long)]
    dry_run: bool,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// What became of it.
enum Outcome {
    /// Only shown.
    Shown(Preview),
    /// Recorded at this version.
    Recorded(Preview, u64),
    Refused(String),
}

/// Reverses. Exit code 1 says that it was refused.
pub fn run(args: &Args, domain: Domain) -> ExitCode {
    up::init_log();
    let outcome = up::runtime().and_then(|runtime| runtime.block_on(reverse(args, domain)));
    match outcome {
        Ok(Outcome::Shown(preview)) => {
            if args.json {
                println!("{}", json!(preview));
            }
            ExitCode::SUCCESS
        }
        Ok(Outcome::Recorded(preview, version)) => {
            let place = place(&args.stream, version);
            match args.json {
                true => println!("{}", json!({"reversal": version, "changed": preview.rows})),
                false => println!("reversed by {place}"),
            }
            ExitCode::SUCCESS
        }
        Ok(Outcome::Refused(why)) => exit::refused(&why),
        Err(reason) => exit::unreadable(&reason),
    }
}

async fn reverse(args: &Args, domain: Domain) -> Result<Outcome, String> {
    let deployment = args.deployment.open(domain).await?;
    let reverser = Reverser::new(
        deployment.service.clone(),
        deployment.events.clone(),
        deployment.store.clone(),
        deployment.incoming.clone(),
    );
    let named = Named {
        stream: args.stream.clone(),
        version: args.version,
    };
    let preview = match reverser.preview(&named).await {
        Ok(preview) => preview,
        Err(ReverseError::Refused(problem)) => return Ok(Outcome::Refused(refused(problem))),
        Err(ReverseError::Service(error)) => return Err(error.to_string()),
    };
    if !args.json {
        show(&preview);
    }
    if args.dry_run {
        return Ok(Outcome::Shown(preview));
    }
    if !args.yes && !is_wanted()? {
        return Ok(Outcome::Refused("nothing was done".into()));
    }
    match reverser.reverse(&named, &args.reason, &args.by).await {
        Ok(_) => {}
        Err(ReverseError::Refused(problem)) => return Ok(Outcome::Refused(refused(problem))),
        Err(ReverseError::Service(error)) => return Err(error.to_string()),
    }
    let version = recorded(&deployment, &named).await?;
    Ok(Outcome::Recorded(preview, version))
}

fn show(preview: &Preview) {
    let event = &preview.event;
    println!(
        "{} of {} {}",
        event.kind(),
        place(event.stream(), event.version),
        event.event.data.get()
    );
    for row in &preview.rows {
        let said = |row: &Option<Value>| row.as_ref().map_or("no row".into(), Value::to_string);
        println!("  {}/{}", row.projection, row.key);
        println!("    now      {}", said(&row.before));
        println!("    without  {}", said(&row.after));
    }
    if preview.rows.is_empty() {
        println!("  no row would change");
    }
    for depending in &preview.depending {
        let place = place(event.stream(), depending.version);
        let (by, reason) = (&depending.by, &depending.reason);
        println!("  {by} would refuse {place}: {reason}");
    }
}

/// Asks on the terminal.
fn is_wanted() -> Result<bool, String> {
    if !std::io::stdin().is_terminal() {
        return Err("nobody can be asked here: --yes reverses without a question".into());
    }
    // Standard output may be JSON.
    eprint!("Reverse it? [y/N] ");
    let mut answer = String::new();
    let asked = std::io::stderr().flush();
    asked
        .and_then(|()| std::io::stdin().read_line(&mut answer))
        .map_err(|error| error.to_string())?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Waits until the reversal is recorded, and says at which version.
async fn recorded(deployment: &Deployment, named: &Named) -> Result<u64, String> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let found = history::reversals(&deployment.events, &named.stream, named.version, u64::MAX);
        let found = found.await.map_err(|error| error.to_string())?;
        if let Some(version) = found.by(named.version) {
            return Ok(version);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("the reversal was accepted and is not recorded yet: look at the log of the pump".into())
}
