//! `rewind reverse`: shows what would change without an event, then reverses it.

use crate::{
    deployment::{self, Deployment, Part},
    differences,
    domain::Domain,
    end::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use rewind::{StreamName, reversal::place};
use rewind_aws::{
    history::resolve,
    playback::operations::What,
    reverse::reversal::{Named, Preview, Reverser},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the recording of a reversal may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The event, and why it is reversed.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The stream of the event.
    stream: StreamName,
    /// The version of the event.
    version: u64,
    /// The reason.
    #[arg(long)]
    reason: String,
    /// The name of the operator.
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
    /// Also takes back what the event has led to outside, as the gateways say.
    #[arg(long)]
    undo: bool,
    /// Shows what would change, and changes nothing.
    #[arg(long)]
    dry_run: bool,
    /// Does not ask.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Reverses.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let parts = [Part::EventsTable, Part::DataTable, Part::IncomingStream];
    let deployment = args.deployment.open(domain, &parts).await?;
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
    let preview = reverser.preview(&named).await?;
    let player = deployment.player();
    let player = player.with_incoming(deployment.incoming.clone());
    let mut effects = player.effects(&named.stream, named.version).await?;
    match (args.json, args.dry_run) {
        (false, _) => {
            show(&preview)?;
            for effect in &effects {
                say!("  {}", differences::words(effect).replace('\n', "\n  "))?;
            }
        }
        (true, true) => {
            let mut shown = json!(preview);
            shown["effects"] = json!(effects);
            say!("{shown}")?;
        }
        (true, false) => {}
    }
    if args.dry_run {
        return Ok(());
    }
    if args.undo {
        effects = player.revocable(&named.stream, named.version).await?;
    }
    let event = place(&args.stream, args.version);
    deployment.confirm_anywhere(&format!("reverse {event}"), args.yes)?;
    reverser.reverse(&named, &args.reason, &args.by).await?;
    let by = Some(args.by.clone());
    player.note(What::Reversed, event, by).await;
    let version = recorded(&deployment, &named).await?;
    if args.undo {
        player.undo(effects).await?;
    }
    let reversal = place(&args.stream, version);
    match args.json {
        true => say!("{}", json!({"reversal": version, "changed": preview.rows})),
        false => say!("reversed by {reversal}"),
    }
}

fn show(preview: &Preview) -> Outcome {
    let event = &preview.event;
    say!(
        "{} of {} {}",
        event.event_type(),
        place(event.stream(), event.version),
        event.event.data.get()
    )?;
    for row in &preview.rows {
        let said = |row: &Option<Value>| row.as_ref().map_or("no row".into(), Value::to_string);
        say!("  {}/{}", row.projection, row.key)?;
        say!("    now      {}", said(&row.before))?;
        say!("    without  {}", said(&row.after))?;
    }
    if preview.rows.is_empty() {
        say!("  no row would change")?;
    }
    for depending in &preview.depending {
        let event = place(event.stream(), depending.version);
        let (by, reason) = (&depending.by, &depending.reason);
        say!("  {by} would refuse {event}: {reason}")?;
    }
    Ok(())
}

/// Waits until the reversal is recorded, and returns its version.
async fn recorded(deployment: &Deployment, named: &Named) -> Result<u64, End> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let found = resolve::reversals(&deployment.events, &named.stream, named.version, u64::MAX);
        if let Some(version) = found.await?.by(named.version) {
            return Ok(version);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let why = "the reversal was accepted, but is not recorded yet: look at the log of pump";
    Err(End::Failed(why.into()))
}
