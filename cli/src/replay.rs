//! `rewind replay`: plays all or part of history back, and follows it.

use crate::{
    Domain,
    deployment::{self, Deployment, Part},
    exit::{End, Outcome},
    interrupted,
    out::note,
    playback::{follow, goes_on, has_ended_well, told, ways_on},
    selection,
};
use clap::Args as ClapArgs;
use rewind::delivery::Nothing;
use rewind_aws::{
    aws::clock,
    playback::{
        player::Playback,
        request::{Activation, Destination, Request},
    },
};
use serde_json::json;
use std::cell::Cell;

/// What is played back, where to, and how.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    #[command(flatten)]
    what: selection::Args,
    /// To this projection: rebuilt into a new generation, or, with a part of
    /// history, into a generation of its own; may be given several times.
    #[arg(long = "projection", value_name = "NAME")]
    projections: Vec<String>,
    /// With one projection: into this generation, which is there already.
    #[arg(long, value_name = "N", requires = "projections")]
    generation: Option<u64>,
    /// To a subscriber of this name, which reads the replay stream; may be
    /// given several times.
    #[arg(long = "subscriber", value_name = "NAME")]
    subscribers: Vec<String>,
    /// To the adapters and rules: they draw what they have not drawn yet.
    #[arg(long)]
    microservice: bool,
    /// At most so many events a second.
    #[arg(long, value_name = "N")]
    rate: Option<u32>,
    /// Send nothing: say how many events there are, and what they would take.
    #[arg(long)]
    dry_run: bool,
    /// Let readers see what is rebuilt only when `rewind activate` says so.
    #[arg(long)]
    by_hand: bool,
    /// A name of your own for the playback: to ask twice is to ask once.
    #[arg(long)]
    id: Option<String>,
    /// Return as soon as it has begun.
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
        true => goes_on(&id, &args.deployment),
        false => format!(
            "playback {id} may have begun: {}",
            ways_on(&id, &args.deployment)
        ),
    };
    let playback = interrupted::unless(played, words).await?;
    let is_done = args.detach || has_ended_well(&playback);
    told(&playback, is_done, args.json)
}

async fn play(
    deployment: &Deployment,
    (id, request): (&str, &Request),
    args: &Args,
    is_begun: &Cell<bool>,
) -> Result<Playback, End> {
    let begun = deployment.player().create(id, request).await?;
    is_begun.set(true);
    // Whoever does not wait for its end has to know what to ask about.
    match args.json {
        true => note!("{}", json!({"playback": begun.id})),
        false => note!("playback {}", begun.id),
    }
    deployment.resume(&begun.id).await?;
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
        let microservice = self.microservice.then(|| Destination {
            microservice: Some(Nothing {}),
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
            rate: self.rate,
            dry_run: self.dry_run,
            gateways: Vec::new(),
        })
    }
}

impl Deployment {
    /// Asks for an invocation that goes on with a playback.
    pub async fn resume(&self, id: &str) -> Outcome {
        let task = ::playback::Task::Resume(id.to_string());
        self.do_later(&task).await
    }
}
