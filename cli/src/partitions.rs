//! `rewind partitions`: how many partitions the indexes of categories have, and
//! more of them.

use crate::{
    deployment::{self, Deployment, Part},
    domain::Domain,
    end::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use rewind::{Timestamp, stream::PARTITIONS};
use rewind_aws::{
    event_table::slices::{self, MAX_SLICES, Raised, Raises},
    sequence::raise::raise,
};
use serde_json::json;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// How long the recording of a raise may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which category, and how many.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// The category; without one, all are listed.
    category: Option<String>,
    /// Raises its partitions to this number: 16, 24 and so on to 512. They are
    /// never lowered, and each takes about 1,000 commits a second.
    #[arg(value_name = "PARTITIONS", requires = "category")]
    partitions: Option<u16>,
    /// The name of the operator.
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// JSON Lines for machines: an object for each category.
    #[arg(long)]
    json: bool,
}

/// Lists or raises.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let mut parts = vec![Part::EventsTable];
    if args.partitions.is_some() {
        parts.push(Part::IncomingStream);
    }
    let deployment = args.deployment.open(domain, &parts).await?;
    let raises = deployment.events.raises().await?;
    let mut categories: BTreeSet<&str> = raises.all().map(|(category, _)| category).collect();
    categories.extend(deployment.service.categories());
    let Some(category) = &args.category else {
        for category in categories {
            show(category, &raises, args.json)?;
        }
        return Ok(());
    };
    if !categories.contains(category.as_str()) {
        let known: Vec<&str> = categories.into_iter().collect();
        let why = format!(
            "there is no category {category:?}: there are {}",
            known.join(", ")
        );
        return Err(End::Wrong(why));
    }
    let Some(partitions) = args.partitions else {
        return show(category, &raises, args.json);
    };
    let now = partitions_of(raises.read(category));
    match slices::slices_of(partitions) {
        Some(_) if partitions > now => {}
        Some(_) => {
            let why = format!("{category} has {now} partitions: they are raised and never lowered");
            return Err(End::Wrong(why));
        }
        None => {
            let most = partitions_of(MAX_SLICES);
            let why = format!("expected a multiple of {PARTITIONS} up to {most}, not {partitions}");
            return Err(End::Wrong(why));
        }
    }
    let what = format!("raise the partitions of {category} from {now} to {partitions}");
    deployment.confirm(&what, args.yes)?;
    let raised = Raised {
        category: category.clone(),
        partitions,
        by: args.by.clone(),
    };
    raise(&deployment.incoming, &raised).await?;
    let raises = recorded(&deployment, &raised).await?;
    show(category, &raises, args.json)
}

fn partitions_of(slices: u16) -> u16 {
    slices * u16::from(PARTITIONS)
}

fn show(category: &str, raises: &Raises, as_json: bool) -> Outcome {
    let partitions = partitions_of(raises.read(category));
    let last = raises.all().find(|(name, _)| *name == category);
    let last = last.and_then(|(_, raises)| raises.iter().max_by_key(|raise| raise.slices));
    let from = last.map(|raise| slices::written_from(raise.at));
    let from =
        from.and_then(|micros| Timestamp::from_microsecond(i64::try_from(micros).ok()?).ok());
    if as_json {
        let all = json!({"category": category, "partitions": partitions, "written_from": from});
        return say!("{all}");
    }
    match from {
        Some(from) => say!("{category}  {partitions} partitions, written to from {from:.0}"),
        None => say!("{category}  {partitions} partitions"),
    }
}

/// Waits until a raise is recorded.
async fn recorded(deployment: &Deployment, raised: &Raised) -> Result<std::sync::Arc<Raises>, End> {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        let raises = deployment.events.latest_raises().await?;
        if partitions_of(raises.read(&raised.category)) >= raised.partitions {
            return Ok(raises);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let why = "the raise was accepted, but is not recorded yet: look at the log of pump";
    Err(End::Failed(why.into()))
}
