//! `rewind verify`: looks at both tables from the outside, says where they are
//! not as the invariants want them, and changes nothing.

mod show;

use crate::{Domain, deployment, up};
use clap::Args as ClapArgs;
use rewind_aws::{
    Error,
    audit::{Audit, Counts},
};
use std::process::ExitCode;

use show::Object;
pub use show::{Lines, counts as show_counts};

/// The exit code when violations were found.
const VIOLATIONS: u8 = 1;

/// The exit code when not everything could be read.
const UNREADABLE: u8 = 2;

/// What is verified, and how it is told.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    deployment: deployment::Args,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Verifies. Exit code 1 says that there are violations, 2 that not everything
/// could be read.
pub fn run(args: &Args, domain: Domain) -> ExitCode {
    up::init_log();
    let outcome = up::runtime().and_then(|runtime| runtime.block_on(audit(args, domain)));
    match outcome {
        Ok(counts) if counts.is_clean() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(VIOLATIONS),
        Err(reason) => {
            eprintln!("rewind: {reason}");
            ExitCode::from(UNREADABLE)
        }
    }
}

async fn audit(args: &Args, domain: Domain) -> Result<Counts, String> {
    let deployment = args.deployment.open(domain).await?;
    let audit = Audit::new(deployment.service, deployment.events, deployment.store);
    let outcome = if args.json {
        let mut object = Object::open();
        let outcome = audit.run(&mut object).await;
        object.close(&outcome);
        outcome
    } else {
        let mut lines = Lines::new();
        let outcome = audit.run(&mut lines).await;
        lines.close();
        if let Ok(counts) = &outcome {
            show_counts(counts);
        }
        outcome
    };
    outcome.map_err(|error: Error| error.to_string())
}
