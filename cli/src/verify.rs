//! `rewind verify`: reads both tables, names every violation of the invariants,
//! and changes nothing.

mod show;

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
};
use clap::Args as ClapArgs;
use rewind_aws::audit::{report::Counts, run::Audit};

pub use show::counts as show_counts;
use show::{Lines, Object};

/// What is verified, and how the result is shown.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Verifies. A violation is no success.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let parts = [Part::EventsTable, Part::DataTable];
    let deployment = args.deployment.open(domain, &parts).await?;
    let audit = Audit::new(deployment.service, deployment.events, deployment.store);
    let counts = match args.json {
        true => in_json(&audit).await?,
        false => {
            let counts = audited(&audit).await?;
            show_counts(&counts)?;
            counts
        }
    };
    match counts.is_clean() {
        true => Ok(()),
        false => Err(End::NotDone),
    }
}

/// Audits, and prints each violation as text.
///
/// # Errors
///
/// When a table cannot be read, or standard output cannot be written.
pub async fn audited(audit: &Audit) -> Result<Counts, End> {
    let (mut lines, unheard) = Lines::new();
    let outcome = tokio::select! {
        biased;
        end = unheard => Err(end.unwrap_or(End::Closed)),
        outcome = audit.run(&mut lines) => outcome.map_err(End::from),
    };
    lines.close();
    outcome
}

async fn in_json(audit: &Audit) -> Result<Counts, End> {
    let (mut object, unheard) = Object::open()?;
    let outcome = tokio::select! {
        biased;
        end = unheard => return Err(end.unwrap_or(End::Closed)),
        outcome = audit.run(&mut object) => outcome,
    };
    object.close(&outcome)?;
    Ok(outcome?)
}
