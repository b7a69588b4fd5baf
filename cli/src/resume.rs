//! `rewind resume`: after the fix, lets stalled streams go on from the table.
//!
//! The deployed functions do it themselves: a delivery of the stream's last
//! event is put on the stream of recorded events, and by the watermark rule
//! each reader reads from the table what it lacks before it. Readers that lack
//! nothing leave it alone, so that any number of resumptions is harmless.

mod stalled;

use crate::{
    Domain,
    deployment::{self, Part},
    exit::{End, Outcome},
    out::say,
};
use clap::Args as ClapArgs;
use rewind::StreamName;
use rewind_aws::data_table::stall::Stall;
use serde_json::json;
use stalled::{Stalled, State};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// How often the stalls are looked at.
const INTERVAL: Duration = Duration::from_millis(250);

/// Which stalls are resumed.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// Only this reader: a projection's generation such as `carts@1`, or a
    /// reaction such as `adapter/shop`.
    #[arg(long)]
    reader: Option<String>,
    /// Only this stream.
    #[arg(long)]
    stream: Option<StreamName>,
    /// How many seconds the deployed functions get.
    #[arg(long, default_value_t = 30)]
    wait: u64,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// What became of the stalls.
#[derive(Default)]
struct Resumed {
    resumed: Vec<Stall>,
    stalled: Vec<Stall>,
}

/// Resumes. What still stalls is not done.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let resumed = resume(args, domain).await?;
    resumed.show(args.json)?;
    match resumed.stalled.is_empty() {
        true => Ok(()),
        false => Err(End::NotDone),
    }
}

async fn resume(args: &Args, domain: Domain) -> Result<Resumed, End> {
    let parts = [Part::EventsTable, Part::DataTable, Part::EventsStream];
    let deployment = args.deployment.open(domain, &parts).await?;
    let stalled = Stalled::new(deployment);
    let (reader, stream) = (args.reader.as_deref(), args.stream.as_ref());
    let mut waiting = stalled.list(reader, stream).await?;
    if waiting.is_empty() {
        stalled.check(reader, stream).await?;
        return Ok(Resumed::default());
    }
    let streams: BTreeSet<&StreamName> = waiting.iter().map(|stall| &stall.stream).collect();
    let what = format!("deliver {} streams once more", streams.len());
    stalled.deployment.confirm(&what, args.yes)?;
    stalled.deliver(streams).await?;
    let mut resumed = Resumed::default();
    let until = Instant::now() + Duration::from_secs(args.wait);
    loop {
        let mut still = Vec::new();
        for stall in waiting {
            match stalled.state_of(&stall).await? {
                State::GoesOn => resumed.resumed.push(stall),
                // It came further, to the next event that is refused.
                State::Elsewhere(now) => resumed.stalled.push(now),
                State::Stalled => still.push(stall),
            }
        }
        waiting = still;
        if waiting.is_empty() || Instant::now() > until {
            resumed.stalled.append(&mut waiting);
            return Ok(resumed);
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

impl Resumed {
    fn show(&self, as_json: bool) -> Outcome {
        if as_json {
            return say!(
                "{}",
                json!({"resumed": self.resumed, "stalled": self.stalled})
            );
        }
        for stall in &self.resumed {
            let Stall { reader, stream, .. } = stall;
            say!("resumed   {reader} {stream}")?;
        }
        for stall in &self.stalled {
            let Stall {
                reader,
                stream,
                version,
                reason,
            } = stall;
            say!("stalled   {reader} {stream}@{version}: {reason}")?;
        }
        let (resumed, stalled) = (self.resumed.len(), self.stalled.len());
        say!("{resumed} resumed, {stalled} still stalled")
    }
}
