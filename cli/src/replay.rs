//! `rewind replay`: plays back all or part of history, and follows the playback.

use crate::{
    deployment::{self, Deployment, Part, operator},
    differences,
    domain::Domain,
    end::{End, Outcome},
    follow::{follow, has_ended_well, next_steps, show, still_runs},
    interrupted,
    out::{note, say},
    selection,
};
use ::playback::Task;
use clap::Args as ClapArgs;
use rewind_aws::{
    aws::clock,
    playback::{
        operations::What,
        record::{Approval, Playback},
        request::{Activation, Destination, Policy, Request, ToMicroservice},
    },
};
use serde_json::json;
use std::{cell::Cell, collections::BTreeMap};

/// What is played back, to whom, and how.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    #[command(flatten)]
    what: selection::Args,
    /// To this projection: all of history into a new generation, or a part of
    /// history into a generation of its own. May be given several times.
    #[arg(long = "projection", value_name = "NAME")]
    projections: Vec<String>,
    /// With one projection: into this generation, which exists already.
    #[arg(long, value_name = "N", requires = "projections")]
    generation: Option<u64>,
    /// To a subscriber of this name, which reads the replay stream. May be
    /// given several times.
    #[arg(long = "subscriber", value_name = "NAME")]
    subscribers: Vec<String>,
    /// To the adapters, rules and processes: they emit what they have not emitted
    /// yet, and call nobody.
    #[arg(long)]
    microservice: bool,
    /// The same as --microservice.
    #[arg(long, value_name = "microservice", value_parser = ["microservice"])]
    to: Option<String>,
    /// What is to be done about a gateway's calls: `silence`, which is the
    /// default; `difference` lists what the code of today would have sent
    /// otherwise, asks, and sends what corrects it; `difference-and-new` also
    /// sends what was never sent. May be given several times.
    #[arg(long = "gateway", value_name = "NAME=POLICY", value_parser = policy)]
    gateways: Vec<(String, Policy)>,
    /// With a difference: also records the events and commands that are emitted
    /// otherwise.
    #[arg(long)]
    record: bool,
    /// The highest number of events a second.
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// Sends nothing. Shows the number of events, and the time and cost of
    /// sending them.
    #[arg(long)]
    dry_run: bool,
    /// Does not make the new generation serve: `rewind activate` does.
    #[arg(long)]
    by_hand: bool,
    /// Tells each row that the rebuild has changed as a change, where the
    /// projection has a feed.
    #[arg(long)]
    changes: bool,
    /// The id of the playback. Two requests with one id create one playback.
    #[arg(long)]
    id: Option<String>,
    /// Returns as soon as the playback has begun.
    #[arg(long)]
    detach: bool,
    /// Does not ask before it changes something on AWS.
    #[arg(long)]
    yes: bool,
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Plays back.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let request = args.request()?;
    let parts = [Part::EventsTable, Part::DataTable, Part::PlaybackFunction];
    let deployment = args.deployment.open(domain, &parts).await?;
    let id = args.id.clone().unwrap_or_else(clock::id);
    // A dry run is saved as well, and changes nothing else.
    if !request.dry_run {
        let to: Vec<String> = request.to.iter().map(|to| json!(to).to_string()).collect();
        deployment.confirm(&format!("play back to {}", to.join(", ")), args.yes)?;
    }
    let is_begun = Cell::new(false);
    let played = play(&deployment, (&id, &request), args, &is_begun);
    let words = || match is_begun.get() {
        true => still_runs(&id, &args.deployment),
        false => format!(
            "playback {id} may have begun: {}",
            next_steps(&id, &args.deployment)
        ),
    };
    let playback = interrupted::unless(played, words).await?;
    let is_done = args.detach || has_ended_well(&playback);
    if request.policies().is_none() || args.detach || !is_done {
        return show(&playback, is_done, args.json);
    }
    differences::list(&deployment, &playback, args.json).await?;
    if args.dry_run || differences::is_empty(&playback, args.record) {
        return match args.json {
            true => show(&playback, true, true),
            false => Ok(()),
        };
    }
    let requests = differences::requests(&playback);
    let what = format!("send what is listed ({requests} requests), and nothing else");
    deployment.confirm_anywhere(&what, args.yes)?;
    let by = operator().unwrap_or_default();
    let record = args.record;
    let approval = Approval { by, record };
    let done = differences::carry_out(&deployment, &playback, &approval);
    let done = interrupted::unless(done, || still_runs(&id, &args.deployment)).await?;
    match args.json {
        true => show(&done, has_ended_well(&done), true),
        false => say!("{requests} on the way: `rewind ledger` tells what becomes of each"),
    }
}

/// Reads `NAME=POLICY`.
fn policy(text: &str) -> Result<(String, Policy), String> {
    let (name, policy) = text.split_once('=').ok_or("expected NAME=POLICY")?;
    let policy = match policy {
        "silence" => Policy::Silence,
        "difference" => Policy::Difference,
        "difference-and-new" => Policy::DifferenceAndNew,
        _ => return Err("expected silence, difference or difference-and-new".into()),
    };
    Ok((name.to_owned(), policy))
}

async fn play(
    deployment: &Deployment,
    (id, request): (&str, &Request),
    args: &Args,
    is_begun: &Cell<bool>,
) -> Result<Playback, End> {
    let begun = deployment.player().create(id, request).await?;
    is_begun.set(true);
    deployment.note(What::PlaybackStarted, &begun.id).await;
    // An operator who does not wait needs the id.
    match args.json {
        true => note!("{}", json!({"playback": begun.id})),
        false => note!("playback {}", begun.id),
    }
    let task = Task::Resume(begun.id.clone());
    deployment.invoke_playback(&task).await?;
    match args.detach {
        true => Ok(begun),
        false => follow(deployment, &begun.id).await,
    }
}

impl Args {
    fn request(&self) -> Result<Request, End> {
        if self.generation.is_some() && self.projections.len() > 1 {
            let why = "--generation: goes with one --projection";
            return Err(End::Wrong(why.into()));
        }
        let projections = self.projections.iter().map(|name| Destination {
            generation: self.generation,
            ..Destination::projection(name)
        });
        let subscribers = self.subscribers.iter().map(|name| Destination {
            subscriber: Some(name.clone()),
            ..Destination::default()
        });
        let gateways: BTreeMap<String, Policy> = self.gateways.iter().cloned().collect();
        let compares = gateways.values().any(|policy| *policy != Policy::Silence);
        if self.record && !compares {
            let why = "--record: goes with --gateway NAME=difference";
            return Err(End::Wrong(why.into()));
        }
        let is_meant = self.microservice || self.to.is_some() || !gateways.is_empty();
        let microservice = is_meant.then(|| Destination {
            microservice: Some(ToMicroservice { gateways }),
            ..Destination::default()
        });
        let to: Vec<Destination> = projections.chain(subscribers).chain(microservice).collect();
        if to.is_empty() {
            let why = "expected --projection, --subscriber or --microservice";
            return Err(End::Wrong(why.into()));
        }
        Ok(Request {
            what: self.what.selection()?,
            to,
            activate: match self.by_hand {
                true => Activation::ByHand,
                false => Activation::WhenCaughtUp,
            },
            changes: self.changes,
            rate: self.rate,
            // A comparison is one; what it finds is sent by another word.
            dry_run: self.dry_run || compares,
        })
    }
}
