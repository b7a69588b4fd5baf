//! Which deployment an operator's verb is about: the local system that runs
//! here, another AWS-compatible endpoint, or AWS.

mod ask;
mod explained;
mod names;
mod place;

pub use names::Part;
pub use place::{announce, withdraw};

use crate::{Domain, exit::End};
use clap::{ArgMatches, Args as ClapArgs, FromArgMatches, parser::ValueSource};
use names::Names;
use place::{Endpoints, Options, Place};
use rewind::{Projection, Service, StreamName};
use rewind_aws::{
    Error,
    aws::{lambda::Function, producer::Stream},
    data_table::{data_store::DataStore, key::Key},
    event_table::event_store::EventStore,
    wiring::{Clients, Identity},
};
use std::{sync::OnceLock, time::Duration};

/// How long a deployment may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where a deployment is, and what its parts are called. Without a word: the
/// local system that runs here.
pub struct Args {
    place: Place,
    names: Names,
    /// On AWS: the region, once it is known.
    region: OnceLock<String>,
}

/// A deployment: its domain and its clients.
pub struct Deployment {
    /// The domain that is deployed.
    pub service: Service,
    /// The events table.
    pub events: EventStore,
    /// The data store.
    pub store: DataStore,
    /// The stream of recorded events.
    pub published: Stream,
    /// The stream of accepted events.
    pub incoming: Stream,
    /// The replay stream.
    pub replay: Stream,
    /// The playback function.
    pub playback: Function,
    /// Where it is, as a sentence to whoever is asked; `None` where it is not
    /// on AWS.
    on_aws: Option<String>,
}

impl Args {
    /// Opens the deployment, which has to answer for the tables among `parts`.
    pub async fn open(&self, domain: Domain, parts: &[Part]) -> Result<Deployment, End> {
        let endpoints = self.place.endpoints()?;
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
            answer.map_err(|text| self.explained_of(Some(*part), "", &text))?;
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
        // Nobody asks there for anything.
        let nowhere = || "http://127.0.0.1:9".to_string();
        let dynamodb = at.dynamodb.clone().unwrap_or_else(nowhere);
        let kinesis = at.kinesis.clone().unwrap_or_else(nowhere);
        let lambda = at.lambda.clone().unwrap_or_else(nowhere);
        let clients = Clients::at(&dynamodb, &kinesis).await;
        Ok(clients.with_lambda(&lambda))
    }

    /// Where on AWS this is.
    fn on_aws(&self, identity: &Identity, parts: &[Part]) -> Result<String, End> {
        let Some(region) = &identity.region else {
            let why =
                "no AWS region is set: AWS_REGION says it, or the profile that AWS_PROFILE names";
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

    /// How a command line names this place: ` --dir state`, or nothing.
    pub fn place(&self) -> String {
        self.place.to_string()
    }

    /// A failed call as a sentence: about the address, the name, the option.
    pub fn explained(&self, before: &str, text: &str) -> End {
        self.explained_of(None, before, text)
    }
}

impl Deployment {
    /// The projection of this name.
    pub fn projection(&self, name: &str) -> Result<&Projection, End> {
        self.service.projection(name).ok_or_else(|| {
            let known = self.service.projections().iter();
            let known: Vec<&str> = known.map(|projection| projection.name).collect();
            let known = known.join(", ");
            End::Wrong(format!(
                "no projection is named {name:?}; there are {known}"
            ))
        })
    }

    /// Whether a table is there and answers; of the others, the first call
    /// tells.
    async fn answers(&self, part: Part) -> Result<(), Error> {
        match part {
            Part::EventsTable => {
                let nobody = StreamName::of("none", "0");
                let nobody = nobody.map_err(|bad| Error::Damaged {
                    what: "a name".into(),
                    reason: bad.to_string(),
                })?;
                self.events.head(&nobody).await.map(drop)
            }
            Part::DataTable => {
                let nothing = Key {
                    pk: "rewind#none".into(),
                    sk: "0".into(),
                };
                self.store.get(&nothing).await.map(drop)
            }
            Part::EventsStream | Part::IncomingStream | Part::PlaybackFunction => Ok(()),
        }
    }
}

/// The options as clap knows them; that they name one place is part of reading
/// them.
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
        let is_said = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        Ok(Self {
            place: Options::from_arg_matches(matches)?.place(is_said)?,
            names: Names::from_arg_matches(matches)?,
            region: OnceLock::new(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
