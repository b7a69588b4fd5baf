//! `rewind tail`: prints events as they are recorded, until Ctrl-C. None is
//! missed and none comes twice.

use crate::{
    deployment::{self, Deployment, Part, Question},
    domain::Domain,
    end::{End, Outcome},
    interrupted, read,
};
use clap::Args as ClapArgs;
use rewind::RecordedEvent;
use serde::Deserialize;

/// How many seconds a question waits for the first event.
const WAIT: &str = "wait=10";

/// The most events of one answer.
const PAGE: u64 = 500;

/// Which events.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// Only events of this category. Without it, of all categories that this
    /// program's domain knows.
    #[arg(long, value_name = "CATEGORY")]
    category: Option<String>,
    /// Begins behind this position; `now` begins with what comes, 0 with the
    /// first event.
    #[arg(long, value_name = "now|POSITION", default_value = "now")]
    after: String,
    /// Ends after so many events.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// Ends where there is nothing more yet, instead of waiting for it.
    #[arg(long)]
    once: bool,
    /// JSON Lines for machines: a recorded event a line.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Page {
    events: Vec<RecordedEvent>,
    next: String,
    behind: bool,
}

/// Follows what is recorded.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let deployment = args.deployment.open(domain, &[Part::EventsTable]).await?;
    interrupted::unless(follow(&deployment, args), String::new).await
}

async fn follow(deployment: &Deployment, args: &Args) -> Result<(), End> {
    let mut left = args.limit.unwrap_or(u64::MAX);
    let mut cursor: Option<String> = None;
    while left > 0 {
        let question = Question::to("GET /events")
            .parameter("limit", &left.min(PAGE).to_string())
            .option("category", args.category.as_ref());
        let question = match args.once {
            true => question,
            false => question.header("prefer", WAIT),
        };
        let question = match &cursor {
            Some(cursor) => question.parameter("cursor", cursor),
            None => question.option("after", Some(&args.after)),
        };
        let page: Page = deployment.asked(&question).await?;
        // An answer has whole commits, so it may have more than was asked for.
        let wanted = usize::try_from(left).unwrap_or(usize::MAX);
        for event in page.events.iter().take(wanted) {
            read::show(event, args.json)?;
        }
        left = left.saturating_sub(page.events.len() as u64);
        if args.once && page.events.is_empty() && !page.behind {
            break;
        }
        cursor = Some(page.next);
    }
    Ok(())
}
