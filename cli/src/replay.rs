//! `rewind replay`: plays all or part of history back, and follows it.

use crate::{
    Domain,
    deployment::{self, Deployment},
    playback::{follow, has_ended_well, refused, told},
    selection, up,
};
use clap::Args as ClapArgs;
use rewind::envelope::Nothing;
use rewind_aws::{
    given,
    playback::{Activation, Destination, PlayError, Playback, Request},
};
use std::process::ExitCode;

/// What is played back, where to, and how.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    deployment: deployment::Args,
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
    /// One JSON object for machines instead of words.
    #[arg(long)]
    json: bool,
}

/// Plays back. Exit code 1 says that it was refused or has failed, 2 that the
/// deployment could not be reached.
pub fn run(args: &Args, domain: Domain) -> ExitCode {
    up::init_log();
    let outcome = up::runtime().and_then(|runtime| runtime.block_on(replay(args, domain)));
    let is_done = |playback: &Playback| args.detach || has_ended_well(playback);
    told(outcome, is_done, args.json)
}

async fn replay(args: &Args, domain: Domain) -> Result<Result<Playback, String>, String> {
    let request = match args.request() {
        Ok(request) => request,
        Err(why) => return Ok(Err(why)),
    };
    let deployment = args.deployment.open(domain).await?;
    let id = args.id.clone().unwrap_or_else(given::id);
    let begun = match deployment.player().create(&id, &request).await {
        Ok(begun) => begun,
        Err(PlayError::Refused(problem)) => return Ok(Err(refused(problem))),
        Err(PlayError::Service(error)) => return Err(error.to_string()),
    };
    // Whoever does not wait for its end has to know what to ask about.
    eprintln!("playback {}", begun.id);
    deployment.go_on(&begun.id).await?;
    match args.detach {
        true => Ok(Ok(begun)),
        false => follow(&deployment, &begun.id).await.map(Ok),
    }
}

impl Args {
    fn request(&self) -> Result<Request, String> {
        if self.generation.is_some() && self.projections.len() > 1 {
            return Err("--generation: goes with one --projection".into());
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
            return Err("expected --projection, --subscriber or --microservice".into());
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
    pub async fn go_on(&self, id: &str) -> Result<(), String> {
        let task = ::playback::Task::Resume(id.to_string());
        self.do_later(&task).await
    }
}
