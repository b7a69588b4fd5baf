//! The deployment that an operator's verb works on: the local system on this
//! machine, another AWS-compatible endpoint, or AWS. Its parts are named one by
//! one, or by its stack.

mod ask;
mod asked;
mod explained;
mod local;
mod location;
mod names;
mod objects;
mod opened;
mod options;
mod stack;

pub use asked::{Question, read};
pub use local::{announce, withdraw};
pub use names::Part;
pub use opened::{Deployment, operator};

use crate::{domain::Domain, end::End};
use clap::{ArgMatches, Args as ClapArgs, FromArgMatches, parser::ValueSource};
use explained::Explainer;
use location::{Location, Place};
use names::Names;
use objects::Objects;
use options::Options;
use rewind_aws::{
    aws::http_api::HttpApi,
    wiring::{Clients, Endpoints, Stack},
};
use std::{sync::OnceLock, time::Duration};

/// How long a deployment may take to answer at all.
const PATIENCE: Duration = Duration::from_secs(20);

/// The place of a deployment, and the names of its parts. Without options: the
/// local system on this machine.
pub struct Args {
    place: Place,
    names: Names,
    /// The region, once it is known. A local system has none.
    region: OnceLock<String>,
    /// The account of the credentials, once it is known.
    account: OnceLock<String>,
    /// The account of the stack, once it is known.
    owner: OnceLock<String>,
    /// The names in the stack, once they are known.
    of_stack: OnceLock<Names>,
}

impl Args {
    /// Opens the deployment, and checks that the tables among `parts` answer.
    ///
    /// # Errors
    ///
    /// When a table does not answer, the stack does not name all `parts`, or the
    /// place is not complete.
    pub async fn open(&self, domain: Domain, parts: &[Part]) -> Result<Deployment, End> {
        let clients = self.clients(parts).await?;
        if let Some(name) = &self.place.stack {
            self.find(&clients, name, parts).await?;
        }
        let names = self.names();
        let deployment = Deployment {
            service: domain(),
            events: clients.event_store(&names.events_table),
            store: clients.data_store(&names.data_table),
            published: clients.stream_named(&names.events_stream),
            incoming: clients.stream_named(&names.incoming_stream),
            replay: clients.stream_named(&names.replay_stream),
            playback: clients.function(&names.playback_function),
            letters: match &self.place.location {
                Location::Folder(dir) => Objects::of_local_system(dir),
                _ => Objects::Bucket(Box::new(clients.bucket(&names.dead_letter_bucket))),
            },
            described: self.place.asks().then(|| self.described(parts)),
        };
        for part in parts {
            let answering = tokio::time::timeout(PATIENCE, deployment.answers(*part));
            let answer = match answering.await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(_) => Err(explained::no_answer("Query", PATIENCE)),
            };
            answer.map_err(|text| self.explainer().explained(Some(*part), "", &text))?;
        }
        Ok(deployment)
    }

    async fn clients(&self, parts: &[Part]) -> Result<Clients, End> {
        let access = &self.place.access;
        let endpoints = self.place.location.endpoints()?;
        let clients = match (&self.place.location, endpoints) {
            (Location::Folder(_), Some(endpoints)) => {
                return Ok(local_clients(&endpoints).await);
            }
            (_, Some(endpoints)) => {
                has_endpoints(&endpoints, parts)?;
                Clients::at_endpoints(&endpoints, access).await
            }
            (_, None) => Clients::on_aws(access).await,
        };
        let identity = clients.identity().await;
        let Some(region) = identity.region else {
            let why = "no AWS region is set: give --region, set AWS_REGION, or set a region in the profile";
            return Err(End::Failed(why.into()));
        };
        self.region.get_or_init(|| region);
        let account = identity.account;
        let account = account.map_err(|why| End::Failed(self.explainer().no_credentials(&why)))?;
        if let Some(account) = account {
            self.account.get_or_init(|| account);
        }
        Ok(clients)
    }

    /// Finds the names of the parts in the stack, and its account.
    async fn find(&self, clients: &Clients, name: &str, parts: &[Part]) -> Result<(), End> {
        let explainer = self.explainer();
        let asked = tokio::time::timeout(PATIENCE, stack::described(clients, name, &explainer));
        let stack: Stack = asked.await.unwrap_or_else(|_| {
            let text = explained::no_answer("DescribeStacks", PATIENCE);
            Err(explainer.explained(None, "", &text))
        })?;
        // The credentials do not always tell the account, the stack does.
        if let Some(account) = stack.account() {
            self.owner.get_or_init(|| account.to_string());
        }
        let names = stack::named(&stack, name, &self.names, parts, &self.explainer())?;
        self.of_stack.get_or_init(|| names);
        Ok(())
    }

    /// Describes the deployment, for the question before a change.
    fn described(&self, parts: &[Part]) -> String {
        let at = match &self.place.location {
            Location::Endpoints(endpoints) => {
                let urls = [
                    &endpoints.cloudformation,
                    &endpoints.dynamodb,
                    &endpoints.kinesis,
                ];
                let url = urls.into_iter().flatten().next();
                url.map_or("an endpoint", String::as_str)
            }
            _ => "AWS",
        };
        let more = [
            ("region", self.region.get()),
            ("account", self.account()),
            ("stack", self.place.stack.as_ref()),
        ];
        let more = more.map(|(what, name)| match name {
            Some(name) => format!(", {what} {name}"),
            None => String::new(),
        });
        let names = self.names();
        let parts = parts.iter().map(|part| (part.what(), names.of(*part)));
        let parts: Vec<String> = parts.map(|(what, name)| format!("{what} {name}")).collect();
        format!("{at}{}: {}", more.concat(), parts.join(", "))
    }

    /// Returns the HTTP API of this deployment, and the clients that it was found
    /// with: at `url`, or where the stack or the local system has it.
    ///
    /// # Errors
    ///
    /// When nothing names its URL, or what names it does not answer.
    pub async fn http_api(&self, url: Option<&str>) -> Result<(HttpApi, Clients), End> {
        let clients = self.clients(&[]).await?;
        let mut found = url.map(ToString::to_string);
        if let (None, Some(name)) = (&found, &self.place.stack) {
            let explainer = self.explainer();
            let stack = stack::described(&clients, name, &explainer).await?;
            if let Some(account) = stack.account() {
                self.owner.get_or_init(|| account.to_string());
            }
            let missing = || {
                let why = "has no output Url: an older Rewind has deployed it, or something else. Give the URL of its API with --url";
                End::Failed(format!("the stack {name} {why}"))
            };
            found = Some(stack.outputs.get("Url").cloned().ok_or_else(missing)?);
        }
        if let (None, Location::Folder(_)) = (&found, &self.place.location) {
            let endpoints = self.place.location.endpoints()?;
            found = endpoints.and_then(|endpoints| endpoints.lambda);
        }
        let nowhere =
            || End::Wrong("--url or --stack is needed: nothing names the HTTP API".into());
        let url = found.ok_or_else(nowhere)?;
        let url = url.trim_end_matches('/');
        Ok((clients.http_api(url), clients))
    }

    /// Returns the stack, where one was named.
    pub fn stack(&self) -> Option<&str> {
        self.place.stack.as_deref()
    }

    /// Describes this deployment for the title of a page.
    pub fn shown(&self, url: &str) -> String {
        let Some(stack) = &self.place.stack else {
            return url.to_string();
        };
        let more = [self.account(), self.region.get()];
        let more: Vec<&str> = more.into_iter().flatten().map(String::as_str).collect();
        format!("{stack} ({})", more.join(", "))
    }

    /// Returns the options that select this deployment, such as ` --dir state`.
    /// Empty for the default folder.
    pub fn options(&self) -> String {
        format!("{}{}", self.place, self.names.options())
    }

    /// Explains a failed call in terms of this deployment: its address, its
    /// names, its options. Other ends stay as they are.
    pub fn explained(&self, end: End) -> End {
        match end {
            End::Service(before, text) => self.explainer().explained(None, &before, &text),
            end => end,
        }
    }

    fn names(&self) -> &Names {
        self.of_stack.get().unwrap_or(&self.names)
    }

    fn account(&self) -> Option<&String> {
        self.owner.get().or_else(|| self.account.get())
    }

    fn explainer(&self) -> Explainer<'_> {
        Explainer {
            place: &self.place,
            names: self.names(),
            region: self.region.get().map(String::as_str),
            account: self.account().map(String::as_str),
        }
    }
}

/// Clients of a local system, with its own credentials whatever the environment
/// has.
async fn local_clients(endpoints: &Endpoints) -> Clients {
    let url = |url: &Option<String>| url.clone().unwrap_or_default();
    let clients = Clients::at(&url(&endpoints.dynamodb), &url(&endpoints.kinesis)).await;
    clients.with_lambda(&url(&endpoints.lambda))
}

/// Checks that the endpoints that a verb needs are known.
fn has_endpoints(at: &Endpoints, parts: &[Part]) -> Result<(), End> {
    for part in parts {
        let (url, option) = match part {
            Part::EventsTable | Part::DataTable => (&at.dynamodb, "--dynamodb-endpoint"),
            Part::EventsStream | Part::IncomingStream | Part::ReplayStream => {
                (&at.kinesis, "--kinesis-endpoint")
            }
            Part::PlaybackFunction => (&at.lambda, "--lambda-endpoint"),
            Part::DeadLetterBucket => (&at.cloudformation, "--endpoint"),
        };
        if url.is_none() {
            let why = format!("{option} is needed as well, or --endpoint for all services");
            return Err(End::Wrong(why));
        }
    }
    Ok(())
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
            place: Options::from_arg_matches(matches)?.place(is_given)?,
            names: Names::from_arg_matches(matches)?.given(is_given),
            region: OnceLock::new(),
            account: OnceLock::new(),
            owner: OnceLock::new(),
            of_stack: OnceLock::new(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
