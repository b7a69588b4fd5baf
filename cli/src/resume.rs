//! `rewind resume`: resumes stalled streams after the fix.
//!
//! The deployed functions do the work. The verb puts a delivery of the stream's
//! last event on the stream of recorded events. By the watermark rule, each
//! reader then reads its missing events from the events table. A reader that
//! misses none skips the delivery, so resuming twice is harmless.

mod stalled;

use crate::{
    deployment::{self, Part},
    domain::Domain,
    end::{End, Outcome},
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

/// The time between two looks at the stalls.
const INTERVAL: Duration = Duration::from_millis(250);

/// The stalls that are resumed.
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
    /// How many seconds the verb waits for the deployed functions.
    #[arg(long, default_value_t = 30)]
    wait: u64,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// The stalls, by their state at the end.
#[derive(Default)]
struct Resumed {
    resumed: Vec<Stall>,
    stalled: Vec<Stall>,
}

/// Resumes. A stall that remains is no success.
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
    let what = format!("deliver the last event of {} streams again", streams.len());
    stalled.deployment.confirm(&what, args.yes)?;
    stalled.deliver(streams).await?;
    let mut resumed = Resumed::default();
    let until = Instant::now() + Duration::from_secs(args.wait);
    loop {
        let mut still = Vec::new();
        for stall in waiting {
            match stalled.state_of(&stall).await? {
                State::GoesOn => resumed.resumed.push(stall),
                // The reader moved on to the next event that is refused.
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
