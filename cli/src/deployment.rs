//! The deployment that an operator's verb works on: the local system on this
//! machine, another AWS-compatible endpoint, or AWS.

mod ask;
mod explained;
mod location;
mod names;
mod opened;

pub use location::{announce, withdraw};
pub use names::Part;
pub use opened::Deployment;

use crate::{domain::Domain, end::End};
use clap::{ArgMatches, Args as ClapArgs, FromArgMatches, parser::ValueSource};
use explained::Explainer;
use location::{Endpoints, Location, Options};
use names::Names;
use rewind_aws::wiring::{Clients, Identity};
use std::{sync::OnceLock, time::Duration};

/// How long a deployment may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// The location of a deployment, and the names of its parts. Without options:
/// the local system on this machine.
pub struct Args {
    location: Location,
    names: Names,
    /// On AWS: the region, once it is known.
    region: OnceLock<String>,
}

impl Args {
    /// Opens the deployment, and checks that the tables among `parts` answer.
    ///
    /// # Errors
    ///
    /// When a table does not answer, or the location is not complete.
    pub async fn open(&self, domain: Domain, parts: &[Part]) -> Result<Deployment, End> {
        let endpoints = self.location.endpoints()?;
        let (clients, on_aws) = match endpoints {
            Some(endpoints) => (self.clients_at(&endpoints, parts).await?, None),
            None => {
                let clients = Clients::from_env().await;
                let on_aws = self.on_aws(&clients.identity().await, parts)?;
                (clients, Some(on_aws))
            }
        };
        let deployment = Deployment {
            service: domain(),
            events: clients.event_store(&self.names.events_table),
            store: clients.data_store(&self.names.data_table),
            published: clients.stream_named(&self.names.events_stream),
            incoming: clients.stream_named(&self.names.incoming_stream),
            replay: clients.stream_named(&self.names.replay_stream),
            playback: clients.function(&self.names.playback_function),
            on_aws,
        };
        for part in parts {
            let answering = tokio::time::timeout(PATIENCE, deployment.answers(*part));
            let answer = match answering.await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err(explained::no_answer(PATIENCE)),
            };
            answer.map_err(|text| self.explainer().explained(Some(*part), "", &text))?;
        }
        Ok(deployment)
    }

    async fn clients_at(&self, at: &Endpoints, parts: &[Part]) -> Result<Clients, End> {
        for part in parts {
            let (url, option) = match part {
                Part::EventsTable | Part::DataTable => (&at.dynamodb, "--dynamodb-endpoint"),
                Part::EventsStream | Part::IncomingStream => (&at.kinesis, "--kinesis-endpoint"),
                Part::PlaybackFunction => (&at.lambda, "--lambda-endpoint"),
            };
            if url.is_none() {
                let why = format!("{option} is needed as well, or --endpoint for all services");
                return Err(End::Wrong(why));
            }
        }
        // No verb calls a service that it does not need.
        let nowhere = || "http://127.0.0.1:9".to_string();
        let dynamodb = at.dynamodb.clone().unwrap_or_else(nowhere);
        let kinesis = at.kinesis.clone().unwrap_or_else(nowhere);
        let lambda = at.lambda.clone().unwrap_or_else(nowhere);
        let clients = Clients::at(&dynamodb, &kinesis).await;
        Ok(clients.with_lambda(&lambda))
    }

    /// Describes the deployment on AWS, for the question before a change.
    fn on_aws(&self, identity: &Identity, parts: &[Part]) -> Result<String, End> {
        let Some(region) = &identity.region else {
            let why = "no AWS region is set: set AWS_REGION, or set a region in the profile of AWS_PROFILE";
            return Err(End::Failed(why.into()));
        };
        self.region.get_or_init(|| region.clone());
        let account = identity.account.as_ref();
        let account = account.map_err(|why| End::Failed(explained::no_credentials(why)))?;
        let account = account.as_ref();
        let account = account.map_or(String::new(), |account| format!(", account {account}"));
        let parts = parts.iter().map(|part| self.names.part(*part));
        let parts: Vec<String> = parts
            .map(|(what, _, name)| format!("{what} {name}"))
            .collect();
        Ok(format!(
            "AWS, region {region}{account}: {}",
            parts.join(", ")
        ))
    }

    /// Returns the options that select this deployment, such as ` --dir state`.
    /// Empty for the default folder.
    pub fn options(&self) -> String {
        self.location.to_string()
    }

    /// Explains a failed call in terms of this deployment: its address, its
    /// names, its options. Other ends stay as they are.
    pub fn explained(&self, end: End) -> End {
        match end {
            End::Service(before, text) => self.explainer().explained(None, &before, &text),
            end => end,
        }
    }

    fn explainer(&self) -> Explainer<'_> {
        Explainer {
            location: &self.location,
            names: &self.names,
            region: self.region.get().map(String::as_str),
        }
    }
}

/// The options for clap. Reading them checks that they select one location.
impl ClapArgs for Args {
    fn augment_args(command: clap::Command) -> clap::Command {
        Names::augment_args(Options::augment_args(command))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Names::augment_args_for_update(Options::augment_args_for_update(command))
    }
}

impl FromArgMatches for Args {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let is_given = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        Ok(Self {
            location: Options::from_arg_matches(matches)?.location(is_given)?,
            names: Names::from_arg_matches(matches)?,
            region: OnceLock::new(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
