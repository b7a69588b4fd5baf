//! `rewind status`: how the whole system is, on one screen. It reads both tables
//! and the stream of accepted events itself, as `GET /health` does.

mod screen;
mod show;

use crate::{
    deployment::{self, Deployment, Part},
    domain::Domain,
    end::{End, Outcome},
    interrupted,
    out::say,
};
use clap::Args as ClapArgs;
use rewind_aws::{
    audit::health::{self, Health, PATIENCE, Scope, Status},
    playback::record::{self, Playback},
};
use screen::Screen;
use serde_json::json;
use std::time::Duration;

/// How the state is shown.
#[derive(ClapArgs)]
pub struct Args {
    #[command(flatten)]
    pub deployment: deployment::Args,
    /// Looks again every so many seconds, until Ctrl-C: in place on a terminal,
    /// otherwise block after block.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "2", value_parser = clap::value_parser!(u64).range(1..))]
    watch: Option<u64>,
    /// JSON for machines instead of words: an object, or with --watch one a line.
    #[arg(long)]
    json: bool,
}

/// The state of a system.
pub struct State {
    pub health: Health,
    pub playbacks: Vec<Playback>,
}

/// Shows the state. A system that is not ok is no success.
pub async fn run(args: &Args, domain: Domain) -> Outcome {
    let parts = [Part::EventsTable, Part::DataTable, Part::IncomingStream];
    let deployment = args.deployment.open(domain, &parts).await?;
    match args.watch {
        Some(seconds) => {
            let watched = watch(&deployment, Duration::from_secs(seconds), args.json);
            interrupted::unless(watched, String::new).await
        }
        None => {
            let state = State::of(&deployment).await?;
            let text = state.text(args.json);
            say!("{}", text.trim_end())?;
            match state.health.status {
                Status::Ok => Ok(()),
                _ => Err(End::NotDone),
            }
        }
    }
}

/// Shows the state again and again.
async fn watch(deployment: &Deployment, pause: Duration, as_json: bool) -> Outcome {
    let mut screen = Screen::new(as_json);
    loop {
        let state = State::of(deployment).await?;
        screen.show(&state.text(as_json))?;
        tokio::time::sleep(pause).await;
    }
}

impl State {
    async fn of(deployment: &Deployment) -> Result<Self, End> {
        let health = health::look(Scope {
            service: &deployment.service,
            events: &deployment.events,
            store: &deployment.store,
            incoming: &deployment.incoming,
            patience: PATIENCE,
        });
        Ok(Self {
            health: health.await?,
            playbacks: record::running(&deployment.store).await?,
        })
    }

    fn text(&self, as_json: bool) -> String {
        if !as_json {
            return show::text(self);
        }
        let mut said = json!(self.health);
        let playbacks: Vec<_> = self.playbacks.iter().map(Playback::shown).collect();
        said["playbacks"] = json!(playbacks);
        said.to_string()
    }
}
