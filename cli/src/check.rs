//! `rewind check`: folds a sample of the rows that serve again. It finds what
//! nobody sees at deployment: a fold that has changed while its `VERSION` has
//! not.

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
    out::say,
    progress,
};
use clap::Args as ClapArgs;
use rewind::Projection;
use rewind_aws::audit::sample::{Bounds, Differing, Sampled, Skipped, sample};
use serde_json::json;

/// The most characters of a row that are shown to people.
const MOST_TEXT: usize = 300;

/// The most rows that are shown of a projection.
const MOST_ROWS: usize = 3;

/// How much is looked at.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// Only this projection; may be given several times.
    #[arg(long = "only", value_name = "PROJECTION")]
    only: Vec<String>,
    /// The rows of each projection that are folded again.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    sample: u64,
    /// The most events that are read for the rows of one projection that streams
    /// share. With more, `rewind verify` looks at them.
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    events: u64,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Checks. A projection whose rows differ is no success.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let parts = [Part::EventsTable, Part::DataTable];
    let deployment = args.deployment.open(domain, &parts).await?;
    let projections: Vec<&Projection> = match args.only.is_empty() {
        true => deployment.service.projections().iter().collect(),
        false => {
            let named = args.only.iter().map(|name| deployment.projection(name));
            named.collect::<Result<_, End>>()?
        }
    };
    let bounds = Bounds {
        rows: args.sample as usize,
        events: args.events,
    };
    let bar = progress::bar("projections", projections.len() as u64);
    let mut all = Vec::new();
    for projection in projections {
        let sources = (&deployment.events, &deployment.store);
        all.push(sample(sources, projection, bounds).await?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    match args.json {
        true => show_json(&all)?,
        false => show(&all)?,
    }
    match all.iter().all(|sampled| sampled.differing.is_empty()) {
        true => Ok(()),
        false => Err(End::NotDone),
    }
}

fn show_json(all: &[Sampled]) -> Outcome {
    let is_clean = all.iter().all(|sampled| sampled.differing.is_empty());
    say!("{}", json!({"clean": is_clean, "projections": all}))
}

fn show(all: &[Sampled]) -> Outcome {
    let (mut rows, mut events) = (0, 0);
    for sampled in all {
        rows += sampled.rows;
        events += sampled.events;
        show_one(sampled)?;
    }
    let differing = all.iter().filter(|sampled| !sampled.differing.is_empty());
    let verdict = match differing.count() {
        0 => "all of them are what the code of today makes".into(),
        1 => "1 projection has changed without its VERSION".into(),
        many => format!("{many} projections have changed without their VERSION"),
    };
    say!("folded {rows} rows again, from {events} events: {verdict}")
}

fn show_one(sampled: &Sampled) -> Outcome {
    let Sampled {
        projection,
        generation,
        version,
        rows,
        unsettled,
        differing,
        ..
    } = sampled;
    let name = format!("{projection}@{generation}");
    match sampled.skipped {
        Some(Skipped::RebuildDue(made_by)) => {
            say!(
                "{name}: not folded; it is of VERSION {made_by}, the code has {version}: a rebuild is due, `rewind replay --projection {projection}`"
            )?;
        }
        Some(Skipped::TooManyEvents) => {
            let read = sampled.events.saturating_sub(1);
            say!(
                "{name}: not folded; streams share its rows, and have more than {read} events: --events N reads more, `rewind verify` all"
            )?;
        }
        None if *unsettled > 0 => {
            say!("{name}: {unsettled} rows of the sample changed meanwhile, or are to change")?;
        }
        None => {}
    }
    if differing.is_empty() {
        return Ok(());
    }
    say!(
        "{name}: {} of {rows} rows differ from what the code of today makes, although its VERSION is {version} as before: raise VERSION, deploy, and rebuild it with `rewind replay --projection {projection}`",
        differing.len()
    )?;
    for row in differing.iter().take(MOST_ROWS) {
        let Differing {
            key,
            watermark,
            stored,
            folded,
        } = row;
        let at = watermark.map_or(String::new(), |at| format!(" at version {at}"));
        say!("  {key}{at}")?;
        say!("    stored  {}", clipped(stored))?;
        say!("    folded  {}", clipped(folded))?;
    }
    match differing.len() > MOST_ROWS {
        true => say!("  … and {}: --json has all", differing.len() - MOST_ROWS),
        false => Ok(()),
    }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(MOST_TEXT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}
